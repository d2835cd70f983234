"""A calculator that cannot be made to do anything but calculate: bounded, exact where it can be.

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/" | "//" | "%") signed)*
    signed  = ("-" | "+") signed | power
    power   = primary percent* (("**" | "^") signed)?
    primary = number | constant | function "(" sum ("," sum)* ")" | "(" sum ")"

A percent is a "%" at the end of an operand: 10% is 0.1, 10 % 3 is 1.
"""

import decimal
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

MAX_LENGTH = 200
"""Characters of an expression."""

MAX_DEPTH = 40
"""How deep parentheses, signs and powers may nest."""

DIGITS = 50
"""Integers of up to this many digits are exact."""

_CONTEXT = decimal.Context(
    prec=DIGITS,
    Emax=5_000,
    Emin=-5_000,
    rounding=decimal.ROUND_HALF_EVEN,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)

_CONSTANTS = {
    "pi": Decimal("3.14159265358979323846264338327950288419716939937511"),
    "e": Decimal("2.71828182845904523536028747135266249775724709369996"),
}

_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d{1,4}(?!\w))?|\.\d+"
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|([a-z]+)|(\*\*|//|[-+*/%^(),]))", re.I)

_WORDS = (
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),
    (r"[×·]|(?<=[\d)])\s*x\s*(?=[\d(])|\btimes\b|\bmultiplied by\b", "*"),
    (r"[÷]|\bdivided by\b|\bover\b", "/"),
    (r"[−–]|\bminus\b", "-"),
    (r"\bplus\b", "+"),
    (r"\bsquared\b", "^2"),
    (r"\bto the power of\b", "^"),
    (r"\bmod(?:ulo)?\b", "%"),
    (r"\b(?:the )?square root of\s+([\d.]+)", r"sqrt(\1)"),
    (r"(?:%|\bpercent\b)\s*of\b", "/100*"),
    (r"(\d\s*/\s*\d+)\s+of\b(?=\s*\d)", r"\1*"),
)


class CannotCalculate(ValueError):
    """The text is no arithmetic, or its result is out of bounds; the text of the error says which."""


class NotArithmetic(CannotCalculate):
    """The text is no arithmetic at all."""


def calculate(text: str) -> str:
    """The value of an expression, as text; a rounded one is marked with "≈".

    Raises NotArithmetic if the text is none, CannotCalculate if there is no value or it is out of bounds.
    """
    if len(text) > MAX_LENGTH:
        raise NotArithmetic("too long for me")
    with decimal.localcontext(_CONTEXT) as context:
        try:
            value = _Parser(_tokens(_spelled_out(text))).whole()
        except (decimal.DivisionByZero, decimal.DivisionUndefined):
            raise CannotCalculate("one cannot divide by zero") from None
        except decimal.Overflow:
            raise CannotCalculate("the result is too large") from None
        except decimal.InvalidOperation:
            raise CannotCalculate("this has no value among the real numbers") from None
        return _shown(value, exact=not context.flags[decimal.Inexact])


def _spelled_out(text: str) -> str:
    for pattern, sign in _WORDS:
        text = re.sub(pattern, sign, text, flags=re.I)
    return text.strip()


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotArithmetic("not a number or a sign")
        tokens.append(match[match.lastindex or 0].lower())
        position = match.end()
    return tokens


def _shown(value: Decimal, *, exact: bool) -> str:
    if not exact:
        # Twelve digits hide the noise of the last places, as pocket calculators do.
        value = decimal.Context(prec=12).plus(value)
    value = value.normalize()
    if -12 < value.adjusted() < DIGITS:
        text = f"{value:f}"
    else:
        text = str(value)
    return text if exact else f"≈ {text}"


def _modulo(a: Decimal, b: Decimal) -> Decimal:
    if b == 0:
        raise decimal.DivisionByZero
    rest = a % b
    return rest + b if rest and (rest < 0) != (b < 0) else rest


def _floor_divide(a: Decimal, b: Decimal) -> Decimal:
    return (a - _modulo(a, b)) / b


_OPERATORS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": _floor_divide,
    "%": _modulo,
}


def _round(value: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    if places != places.to_integral_value() or not 0 <= places <= DIGITS:
        raise CannotCalculate(f"round takes 0 to {DIGITS} places")
    with decimal.localcontext():
        # In a context of its own: a rounding that was asked for does not make the result inexact.
        return value.quantize(Decimal(1).scaleb(-int(places)), decimal.ROUND_HALF_UP)


_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "sqrt": lambda a: a.sqrt(),
    "abs": abs,
    "round": _round,
    "floor": lambda a: a.to_integral_value(decimal.ROUND_FLOOR),
    "ceil": lambda a: a.to_integral_value(decimal.ROUND_CEILING),
    "ln": lambda a: a.ln(),
    "log": lambda a: a.log10(),
    "min": lambda *a: min(a),
    "max": lambda *a: max(a),
    "sum": lambda *a: sum(a, Decimal(0)),
    "avg": lambda *a: sum(a, Decimal(0)) / len(a),
}


class _Parser:
    """Recursive descent over the tokens of one expression; its depth is bounded."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def whole(self) -> Decimal:
        value = self._sum()
        if self._peek() is not None:
            raise NotArithmetic("something is left over")
        return value

    def _peek(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise NotArithmetic("something is missing at the end")
        self._position += 1
        return token

    def _accept(self, *wanted: str) -> str | None:
        return self._next() if self._peek() in wanted else None

    def _expect(self, wanted: str) -> None:
        if self._accept(wanted) is None:
            raise NotArithmetic(f"a {wanted!r} is missing")

    def _sum(self) -> Decimal:
        value = self._product()
        while sign := self._accept("+", "-"):
            value = _OPERATORS[sign](value, self._product())
        return value

    def _product(self) -> Decimal:
        value = self._signed()
        while sign := self._accept("*", "/", "//", "%"):
            value = _OPERATORS[sign](value, self._signed())
        return value

    def _signed(self) -> Decimal:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise CannotCalculate("this is nested too deeply")
        try:
            if sign := self._accept("+", "-"):
                value = self._signed()
                return -value if sign == "-" else value
            return self._power()
        finally:
            self._depth -= 1

    def _power(self) -> Decimal:
        base = self._primary()
        while self._peek() == "%" and self._ends_operand():
            self._next()
            base = base / 100
        return base ** self._signed() if self._accept("^", "**") else base

    def _ends_operand(self) -> bool:
        """Whether the sign behind the next one shows that a "%" means percent and not modulo."""
        after = self._tokens[self._position + 1 : self._position + 2]
        return not after or after[0] in ("+", "-", "*", "/", "//", ")", ",")

    def _primary(self) -> Decimal:
        token = self._next()
        if token == "(":
            value = self._sum()
            self._expect(")")
            return value
        if token in _CONSTANTS:
            return +_CONSTANTS[token]
        if token in _FUNCTIONS:
            return self._call(token)
        if not (token[0].isdigit() or token[0] == "."):
            raise NotArithmetic("a number is missing")
        return +Decimal(token)

    def _call(self, name: str) -> Decimal:
        self._expect("(")
        values = [self._sum()]
        while self._accept(","):
            values.append(self._sum())
        self._expect(")")
        try:
            return _FUNCTIONS[name](*values)
        except TypeError:
            raise CannotCalculate(f"{name} does not take {len(values)} numbers") from None
