#!/usr/bin/env bash
# ranks: 3
# timeout: 120
# Generated texts: the likeliest tokens are those of the forward pass over the whole text, the same texts come out on
# any number of ranks and threads, and what cannot be generated is told so.
# shellcheck source=tests/lib.sh
. "$SOURCE_DIR/tests/lib.sh"

export OMP_NUM_THREADS=1
for i in $(seq 30); do echo "the cat $i sat on the mat, and the dog ran to it"; done >text.txt
cat >gpt.yaml <<'YAML'
data: {source: text, path: text.txt, tokens: bytes, context: 40}
model:
  - embedding: {vocabulary: 256, units: 16, name: tokens}
  - positions
  - repeat:
      times: 2
      layers:
        - residual: [layer_norm, attention: {heads: 4, kv_heads: 2, causal: true, rotary_base: 10000}]
        - residual: [layer_norm, dense: {units: 32, activation: gelu}, dense: {units: 16}]
  - dense: {units: 256}
loss: cross_entropy
train: {epochs: 4, batch_size: 4, optimizer: {adamw: {lr: 0.01}}}
checkpoint: {keep: 1}
log: {report: false}
YAML
"$NNMPI" train gpt.yaml --run gpt -q >out

# each byte is the likeliest one after all before it, as predict says
"$NNMPI" generate gpt --prompt 'the cat ' --temperature 0 --max-tokens 32 -q | head -c 40 >made.txt
"$NNMPI" predict gpt --data made.txt -O next.csv -q
od -An -v -tu1 -w1 made.txt | tail -n 32 | tr -d ' ' >found
awk -F, 'NR > 1 && $2 >= 7 && $2 < 39 { print $3 }' next.csv >wanted
[ "$(wc -l <wanted)" -eq 32 ] || fail "predict says $(wc -l <wanted) tokens"
expect_same wanted found

# texts are a function of seed and prompt: beyond the window, too, and with others beside them
seq -f 'the dog %g ran to the mat and then, as it was, sat on it' 7 >prompts
sed -i '2s/.*/the/; 5s/.*/the cat/' prompts
long=(--max-tokens 70 --temperature 0.8 --top-k 20 --top-p 0.95)
"$NNMPI" generate gpt --prompts prompts "${long[@]}" --json -q >one
run_ranks 3 "$NNMPI" generate gpt --prompts prompts "${long[@]}" --json >three 2>err
expect_same one three
OMP_NUM_THREADS=2 "$NNMPI" generate gpt --prompts prompts "${long[@]}" --json -q >two
expect_same one two
"$NNMPI" generate gpt --prompt "$(head -n 1 prompts)" "${long[@]}" --json -q >first
head -n 1 one | diff - first || fail 'a prompt has another text alone'
run_ranks 3 "$NNMPI" generate gpt --prompt the "${long[@]}" >three 2>err
[ "$(head -c 3 three)" = the ] || fail "no prompt: $(cat three)"
[ "$(wc -c <three)" -eq 74 ] || fail "$(wc -c <three) bytes"
"$NNMPI" generate gpt --prompts prompts "${long[@]}" --json --seed 2 -q >other
! cmp -s one other || fail 'another seed gives the same texts'
"$NNMPI" generate gpt --prompts prompts --max-tokens 1 -q >out
expect_line '^the cat' out

# no more than is read
timeout 20 "$NNMPI" generate gpt --prompt the --max-tokens 16777216 -q | head -c 20 >out || fail 'it goes on without a reader'

# words, recurrent layers, and a stop token
cat >words.yaml <<'YAML'
data: {source: text, path: text.txt, tokens: words, context: 12}
model: [embedding: {vocabulary: 50, units: 12}, lstm: {units: 24, return: all}, dense: {units: 50}]
loss: cross_entropy
train: {epochs: 8, batch_size: 4, optimizer: {adamw: {lr: 0.03}}}
checkpoint: {keep: 1}
log: {report: false}
YAML
"$NNMPI" train words.yaml --run words -q >out
"$NNMPI" generate words --prompt 'and the' --temperature 0 --max-tokens 6 -q >out
expect_line '^and the( [a-z0-9]+){1,6}$' out
"$NNMPI" generate words --temperature 0 --stop sat --max-tokens 30 -q >out
expect_line '^ [^ ]' out
expect_no_line ' sat' out

# what cannot be
expect_code 2 "$NNMPI" generate words --prompt x --stop nowhere 2>err
expect_line "the stop token 'nowhere' is none of the model's" err
expect_code 2 "$NNMPI" generate words 2>err
expect_line 'prompt 1: a prompt without tokens' err
expect_code 2 "$NNMPI" generate gpt --prompt x --prompts prompts 2>err
expect_line 'prompt is one prompt, --prompts a file of them' err
printf 'the dog\r\n\nthe cat\n' >lines
expect_code 2 "$NNMPI" generate gpt --prompts lines 2>err
expect_line 'lines:2: a prompt is a line of text, and this one is empty' err
expect_code 2 "$NNMPI" generate gpt --prompt x --top-p 0 2>err
"$NNMPI" train -o train.epochs=1 --run iris -q >out
expect_code 3 "$NNMPI" generate iris --prompt x 2>err
expect_line 'iris/.*h5: its model was not trained to say which token' err
sed 's/lstm: {units: 24,/lstm: {units: 24, bidirectional: true,/; s/epochs: 8/epochs: 1/' words.yaml >both.yaml
"$NNMPI" train both.yaml --run both -q >out
expect_code 2 "$NNMPI" generate both --prompt x 2>err
expect_line "token by token: .*layer 'lstm1' on input \[12, 12\]: it is bidirectional" err
