"""The typed values of facts: read once from text, shown in the reader's locale.

A figure is never rounded and never translated by hand, so it cannot differ between languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, get_datetime_format
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

# English readers come from everywhere: day before month, as in Europe.
LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN", "az": "az_Latn_AZ"}
Kind = Literal[
    "money",
    "date",
    "yearly_date",
    "date_range",
    "duration",
    "number",
    "percentage",
    "email",
    "phone",
    "address",
    "link",
    "text",
]
UNITS = ("minute", "hour", "day", "week", "month", "year")
FORMS = ("long", "short", "number")
# A fragment in Latin letters keeps its own direction inside a right-to-left text.
ISOLATE, END_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str  # ISO 4217


@dataclass(frozen=True)
class YearlyDate:
    month: int
    day: int

    def in_year(self, year: int) -> date:
        return date(year, self.month, self.day)


@dataclass(frozen=True)
class DateRange:
    start: date | YearlyDate
    end: date | YearlyDate


@dataclass(frozen=True)
class Duration:
    amount: Decimal
    unit: str  # one of UNITS


@dataclass(frozen=True)
class Link:
    url: str


Value = Money | YearlyDate | DateRange | Duration | Link | date | Decimal | str


def parse_value(kind: Kind, text: str) -> Value:
    """The value of a fact of this type as content files write it. Raises ValueError saying what is expected."""
    return READERS[kind](text.strip())


def show(kind: Kind, value: Value, language: str, form: str = "long") -> str:
    """The value as Telegram HTML in the reader's language; form is one of FORMS."""
    text = _show(kind, value, _locale(language), form)
    if is_right_to_left(language) and kind in ("email", "phone", "address", "link", "text"):
        return f"{ISOLATE}{text}{END_ISOLATE}"
    return text


def show_moment(moment: datetime, language: str) -> str:
    """The day and the time of day, as the clock of the moment's own zone shows them."""
    locale = _locale(language)
    both = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return both.replace("{1}", _day(moment.date(), locale, "long")).replace(
        "{0}", format_time(moment, "short", locale=locale)
    )


def is_right_to_left(language: str) -> bool:
    return _locale(language).text_direction == "rtl"


def short_address(url: str) -> str:
    """How a link is shown: without the scheme and a trailing slash."""
    return re.sub(r"^https://(www\.)?|/$", "", url)


def _locale(language: str) -> Locale:
    return Locale.parse(LOCALES.get(language, language))


def _show(kind: Kind, value: Value, locale: Locale, form: str) -> str:
    match value:
        case Money():
            return _money(value, locale)
        case YearlyDate() | date():
            return _day(value, locale, form)
        case DateRange():
            return f"{_day(value.start, locale, form)} – {_day(value.end, locale, form)}"
        case Duration():
            return _duration(value, locale, form)
        case Decimal() if kind == "percentage" and form != "number":
            return format_percent(value / 100, locale=locale, decimal_quantization=False)
        case Decimal():
            return format_decimal(value, locale=locale, decimal_quantization=False)
        case Link():
            return f'<a href="{escape(value.url)}">{escape(short_address(value.url))}</a>'
        case str():
            return escape(value, quote=False)


def _money(value: Money, locale: Locale) -> str:
    pattern = locale.currency_formats["standard"].pattern
    if value.amount == value.amount.to_integral_value():
        pattern = pattern.replace("0.00", "0")
    shown = format_currency(
        value.amount, value.currency, pattern, locale, currency_digits=False, decimal_quantization=False
    )
    return str(shown)


def _day(value: date | YearlyDate, locale: Locale, form: str) -> str:
    if isinstance(value, YearlyDate):
        leap = value.in_year(2000)  # a leap year has every day
        shown = format_skeleton("Md" if form == "short" else "MMMMd", leap, locale=locale)
    else:
        shown = format_date(value, "short" if form == "short" else "long", locale)
    # In French the first of a month is "1er", which no pattern of the CLDR can say.
    return re.sub(r"^1 ", "1er ", shown) if locale.language == "fr" else shown


def _duration(value: Duration, locale: Locale, form: str) -> str:
    if form == "number":
        return format_decimal(value.amount, locale=locale, decimal_quantization=False)
    # In French and Spanish the short month, "m.", reads as metres, and the long words never inflect.
    lengths = (
        ("short", "long") if form == "short" and locale.language not in ("fr", "es") else ("long", "short", "narrow")
    )
    shown = [format_unit(value.amount, value.unit, length, locale=locale) for length in lengths]  # type: ignore[arg-type]
    # Where a locale lacks a pattern of one length, Babel falls back to the English word.
    return next((text for text in shown if locale.language == "en" or value.unit not in text), shown[0])


def _read_money(text: str) -> Money:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ([A-Z]{3})", text)
    if not match:
        raise ValueError("an amount and a currency, for example: 80 EUR or 120.96 EUR")
    return Money(Decimal(match[1]), match[2])


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("a date as year-month-day, for example: 2026-05-02") from None


def _read_yearly_date(text: str) -> YearlyDate:
    match = re.fullmatch(r"(\d\d)-(\d\d)", text)
    try:
        assert match
        day = date(2000, int(match[1]), int(match[2]))
    except (AssertionError, ValueError):
        raise ValueError("a month and a day, for example: 07-10") from None
    return YearlyDate(day.month, day.day)


def _read_date_range(text: str) -> DateRange:
    start, slash, end = text.partition("/")
    read = _read_yearly_date if re.match(r"\d\d-", start) else _read_date
    if not slash:
        raise ValueError("two dates with a slash between, for example: 2026-09-01/2027-01-31 or 07-10/09-15")
    whole = DateRange(read(start), read(end))
    if isinstance(whole.start, date) and isinstance(whole.end, date) and whole.end < whole.start:
        raise ValueError("a first date that is not after the second")
    return whole


def _read_duration(text: str) -> Duration:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ([a-z]+?)s?", text)
    if not match or match[2] not in UNITS:
        raise ValueError(f"a number and a unit ({', '.join(UNITS)}), for example: 4 months")
    return Duration(Decimal(match[1]), match[2])


def _read_number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError("a number, for example: 6.5")
    return number


def _read_matching(pattern: str, expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return read


def _read_link(text: str) -> Link:
    if not re.fullmatch(r"https://[^\s/<>\"]+\.[^\s<>\"]+", text):
        raise ValueError("an address that begins with https://")
    return Link(text)


READERS: dict[Kind, Callable[[str], Value]] = {
    "money": _read_money,
    "date": _read_date,
    "yearly_date": _read_yearly_date,
    "date_range": _read_date_range,
    "duration": _read_duration,
    "number": _read_number,
    "percentage": _read_number,
    "email": _read_matching(r"[^@\s<>]+@[^@\s<>]+\.[a-z]{2,}", "an e-mail address"),
    "phone": _read_matching(r"\+?\d[\d ]*", "digits and spaces, for example: +370 37 300 036"),
    "address": _read_matching(r".+", "a postal address"),
    "link": _read_link,
    "text": _read_matching(r".+", "one line of text"),
}
