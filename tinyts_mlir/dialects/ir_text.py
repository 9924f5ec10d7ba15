"""Reads IR text, of which nothing may hang or fill the memory, however damaged it is.

xDSL's lexer matches strings with a pattern that backtracks exponentially where the closing quote is missing, and its
parser makes a list of all elements of a splat. Both are seen to here, before xDSL sees the text.
"""

from __future__ import annotations

import re
from math import prod
from typing import Any

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser
from xdsl.utils.exceptions import DiagnosticException, ParseError
from xdsl.utils.lexer import Input, Span

MOST_SPLAT_ELEMENTS = 1 << 24
MOST_ELEMENTS = (1 << 31) - 1
MOST_BITS = 1 << 16
"""Of an integer type: xDSL computes its range."""

_INTEGER_TYPE = re.compile(r"[su]?i(\d+)")
_STRING_OR_COMMENT = re.compile(r'"|//')
# As of the lexer, without a repetition in a repetition of the same characters: there is one way to match.
_STRING = re.compile(r'"[^"\\\n\v\f]*(?:\\(?:["nt\\]|[0-9A-Fa-f]{2})[^"\\\n\v\f]*)*"')


def parse_ir(text: str, name: str, context: Context, implicit_module: bool = True) -> ModuleOp:
    """The module that the text says; raises ParseError, or the errors of verification, and nothing else."""
    source = Input(text, name)
    check_strings(source)
    parser = _IRParser(context, text, name)
    try:
        return parser.parse_module(implicit_module)
    except (ParseError, DiagnosticException):
        raise
    except RecursionError:
        raise ParseError(_at(source, parser.pos), "expected less nesting") from None
    except Exception as error:  # xDSL's parser is not prepared for all that text may say
        message = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ParseError(_at(source, parser.pos), message) from error


def check_strings(source: Input) -> None:
    """Raises ParseError where a string does not end on its line, or has a wrong escape; takes linear time."""
    text, position = source.content, 0
    while (match := _STRING_OR_COMMENT.search(text, position)) is not None:
        if match[0] == "//":
            position = text.find("\n", match.end())
            if position < 0:
                return
        elif (string := _STRING.match(text, match.start())) is not None:
            position = string.end()
        else:
            raise ParseError(_at(source, match.start()), "expected a string with a closing quote on its line")


def _at(source: Input, position: int) -> Span:
    return Span(position, min(position + 1, len(source.content)), source)


class _IRParser(Parser):
    """Checks how large types and constants are before it makes them."""

    _is_splat = False

    def _parse_optional_integer_or_float_type(self) -> Any:
        position = self.pos
        match = _INTEGER_TYPE.fullmatch(self._current_token.text)
        if match is not None and (len(match[1]) > len(str(MOST_BITS)) or int(match[1]) > MOST_BITS):
            self.raise_error(
                f"expected an integer type of at most {MOST_BITS} bits", position, position + len(match[0])
            )
        return super()._parse_optional_integer_or_float_type()

    def _parse_tensor_literal(self) -> Any:
        elements, shape = super()._parse_tensor_literal()
        self._is_splat = not shape
        return elements, shape

    def _parse_dense_literal_type(self) -> Any:
        position = self.pos
        type = super()._parse_dense_literal_type()
        most = MOST_SPLAT_ELEMENTS if self._is_splat else MOST_ELEMENTS
        self._is_splat = False
        if (count := prod(type.get_shape())) > most:
            self.raise_error(f"expected a constant of at most {most} elements, got {count}", position, self.pos)
        return type
