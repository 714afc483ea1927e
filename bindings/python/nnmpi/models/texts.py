"""Prompts, and the texts that follow them."""

from __future__ import annotations

import codecs
from numbers import Integral
from typing import Any, Callable, Optional, Union

import numpy as np


class Texts:
    """``prompts`` as C takes them: what follows a str is a str, what follows tokens is a list of tokens."""

    def __init__(self, prompts: Any, on_token: Optional[Callable[[str, int, int], Any]]):
        if isinstance(prompts, bytes) or not np.iterable(prompts):
            raise TypeError(f"prompts: a str, tokens (integers [n]), or a list of them is wanted, not {prompts!r:.80}")
        given = [prompts] if isinstance(prompts, str) else list(prompts)
        tokens = len(given) > 0 and all(isinstance(part, Integral) for part in given)
        given = [given] if tokens else given
        self._is_one = tokens or isinstance(prompts, str)
        self.prompts = [_encoded(i, prompt) for i, prompt in enumerate(given)]
        self._on_token = on_token
        self._tokens: list[list[int]] = [[] for _ in given]
        self._text = ["" for _ in given]
        self._decoders = [codecs.getincrementaldecoder("utf-8")("replace") for _ in given]

    def told(self, i: int, token: int, added: bytes) -> bool:
        """Takes the next token of prompt i; a character's bytes may be several tokens."""
        text = self._decoders[i].decode(added)
        self._tokens[i].append(token)
        self._text[i] += text
        return self._on_token is None or self._on_token(text, token, i) is not False

    def made(self) -> Any:
        """What follows the prompt, or each of them."""
        texts = [text + decoder.decode(b"", final=True) for text, decoder in zip(self._text, self._decoders)]
        made = [text if isinstance(prompt, bytes) else tokens for prompt, text, tokens in zip(self.prompts, texts, self._tokens)]
        return made[0] if self._is_one else made


def _encoded(i: int, prompt: Any) -> Union[bytes, np.ndarray]:
    if isinstance(prompt, str):
        if "\0" in prompt:
            raise ValueError(f"prompt {i + 1} has a character 0, which no text has")
        return prompt.encode()
    tokens = np.asarray(prompt)
    if tokens.ndim != 1 or (tokens.dtype.kind not in "iu" and tokens.size):
        raise TypeError(f"prompt {i + 1}: a str or tokens (integers [n]) are wanted, not {prompt!r:.80}")
    if tokens.size and not (0 <= tokens.min() and tokens.max() < 2**31):
        raise ValueError(f"prompt {i + 1}: tokens are 0 or more, and below 2**31")
    return np.ascontiguousarray(tokens, np.int32)
