#!/usr/bin/env bash
# ranks: 1 2 3
# timeout: 180
# Only rank 0 speaks, once, and all ranks end with the code of the error.
. "$SOURCE_DIR/tests/lib.sh"

# once REGEX FILE: exactly one line matches.
once() {
    [ "$(grep -cE -- "$1" "$2")" -eq 1 ] || fail "not exactly one line '$1' in $2: $(cat "$2")"
}

run_ranks "$RANKS" "$NNMPI" train --run run -o train.epochs=3 > out 2> err
once '^test accuracy' out
once '^trained' out
run_ranks "$RANKS" "$NNMPI" train --run quiet -q -o train.epochs=3 > out 2> err
! grep -v '^nnmpi: ' err || fail "not nnmpi's words"
run_ranks "$RANKS" "$NNMPI" check > out 2> err
once '^ready to train' out
expect_line "^ranks +$RANKS on 1 node" out
printf "%s\n" a,b,c,d 5.1,3.5,1.4,0.2 > x.csv
for words in "help" "inspect run/last.h5" "digest run/last.h5" "eval run/last.h5" "--version" \
    "data make xor -O x.h5" "init x.h5 -O x.yaml --force" "export run/last.h5 --npz m.npz" \
    "import m.npz --config run/config.yaml -O m.h5" "predict run/last.h5 --data x.csv -O p.h5" "plot run -O p.html"; do
    # shellcheck disable=SC2086
    "$NNMPI" $words > alone 2> /dev/null
    # shellcheck disable=SC2086
    run_ranks "$RANKS" "$NNMPI" $words > out 2> err
    [ "$(wc -l < out)" -eq "$(wc -l < alone)" ] || fail "$words: $(wc -l < out) lines"
done

# errors before and after the ranks found each other
expect_code 2 run_ranks "$RANKS" "$NNMPI" trian 2> err
once "^nnmpi: unknown verb" err
expect_code 2 run_ranks "$RANKS" "$NNMPI" train missing.yaml 2> err
once '^nnmpi: .*missing.yaml' err
expect_code 3 run_ranks "$RANKS" "$NNMPI" digest x.h5 2> err
once '^nnmpi: .*x.h5' err

# one of several alone is refused, unless that is what the user wants
expect_code 2 env SLURM_NTASKS=4 "$NNMPI" check 2> err
srun='--mpi=pmix'
! is_hydra || srun='--mpi=pmi2 \(or pmix, as that MPI was built\)'
expect_line "start it with srun $srun or mpirun" err
env SLURM_NTASKS=4 NNMPI_ALLOW_SINGLE=1 "$NNMPI" check > out 2> err
expect_line '^ready to train' out
