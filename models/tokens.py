"""How many tokens a prompt has, where the model's own tokenizer is out of reach: Ollama offers no count.

The rule counts a token for every three letters of a word, for two capitals, for each digit, sign and line
break, and for each byte or nearly so outside ASCII. Measured against the tokenizers of Llama 3 (128,256
tokens) and Mistral 7B (32,000, close to Llama 2's and so to Code Llama's) on 8,063 chunks of prose in six
languages, Python source, reStructuredText and web pages: never below either (least 1.02 times Mistral's); at
the median 1.9 times Llama 3's and 1.6 times Mistral's count on English prose, 3.4 and 2.6 on Russian and Chinese.
Text made to defeat it can pass below: `most` holds for any text, and is what to count with once a model has
refused a prompt as too long.
"""

import re
from collections.abc import Sequence
from math import ceil
from typing import Final

from langchain_core.messages import BaseMessage

PER_MESSAGE: Final = 8
"""Tokens of the chat template around a message: 5 in Llama 3's and in ChatML, 4 in Mistral's, and the role."""
PER_PROMPT: Final = 48
"""Tokens that a template adds once: the dates of Llama 3.2's take 26, SmolLM2's own instructions 20."""
MARGIN: Final = 1.05

_PARTS: Final = re.compile(r"( *)([A-Z]?[a-z]+|[A-Z]+|[\s\S])")


def estimate(messages: Sequence[BaseMessage]) -> int:
    """Return more tokens than the prompt is likely to have under any common tokenizer."""
    return PER_PROMPT + sum(PER_MESSAGE + _likely(message.text) for message in messages)


def most(messages: Sequence[BaseMessage]) -> int:
    """Return at least the prompt's tokens, for any text: no token covers less than a byte."""
    return PER_PROMPT + sum(PER_MESSAGE + _bytes(message.text) for message in messages)


def _likely(text: str) -> int:
    found = 2 + sum(_part(blank, part) for blank, part in _PARTS.findall(text))
    return min(ceil(MARGIN * found), _bytes(text))


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _part(blank: str, part: str) -> int:
    """Return the tokens of a word or sign and of the blanks before it; a word takes one blank in."""
    if not (part.isascii() and part.isalpha()):
        return bool(blank) + _sign(part)
    if part.isupper():
        return (len(blank) > 1) + (len(part) + 1) // 2
    return (len(blank) > 1) + 1 + (len(part) - 1) // 3


def _sign(sign: str) -> int:
    """Return the tokens of one character that is not an ASCII letter."""
    if sign.isascii():
        return 1
    length = _bytes(sign)
    return length - 1 if 0x250 <= ord(sign) < 0x3000 else length  # an accented letter splits its word in two
