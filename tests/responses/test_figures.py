"""The typed values of facts: read from the files' text, shown in twelve languages."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import get_args

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.language import LANGUAGES
from responses.figures import (
    FORMS,
    LOCALES,
    UNITS,
    DateRange,
    Duration,
    Kind,
    Link,
    Money,
    YearlyDate,
    parse_value,
    short_address,
    show,
)

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=3).map(lambda amount: f"{amount.normalize():f}")
DATES = st.dates(date(1990, 1, 1), date(2099, 12, 31)).map(date.isoformat)
DAYS = st.dates(date(2000, 1, 1), date(2000, 12, 31)).map(lambda day: day.strftime("%m-%d"))
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
TEXTS: dict[str, st.SearchStrategy[str]] = {
    "money": st.builds("{} {}".format, AMOUNTS, st.sampled_from(["EUR", "USD", "PLN", "JPY", "KWD", "XYZ"])),
    "date": DATES,
    "yearly_date": DAYS,
    "date_range": st.tuples(DATES, DATES).map(sorted).map("/".join) | st.tuples(DAYS, DAYS).map("/".join),
    "duration": st.builds("{} {}{}".format, AMOUNTS, st.sampled_from(UNITS), st.sampled_from(["", "s"])),
    "number": AMOUNTS,
    "percentage": AMOUNTS,
    "email": st.just("international@ktu.lt"),
    "phone": st.just("+370 37 300 036"),
    "address": WORDS,
    "link": st.sampled_from(["https://www.ktu.edu/", "https://ktu.edu/a?b=1&c=2"]),
    "text": WORDS,
}
NUMBERS = {"money", "number", "percentage", "duration"}
MONTHS = "January|February|March|May|June|July|October|December"  # the others are German words too
ENGLISH = re.compile(rf"\b(?:{MONTHS}|(?:{'|'.join(UNITS)})s?)\b")


def figure_in(shown: str, language: str) -> Decimal:
    """The number that a reader of this language reads in the text."""
    symbols = Locale.parse(LOCALES.get(language, language)).number_symbols["latn"]
    found = re.search(r"\d(?:[\d.,\u00a0\u202f]*\d)?", shown)
    assert found, f"no figure in {shown!r}"
    return Decimal(found[0].replace(symbols["group"], "").replace(symbols["decimal"], "."))


def test_every_type_of_fact_is_tried() -> None:
    assert set(TEXTS) == set(get_args(Kind))


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_every_value_is_shown_in_every_language_without_english_words(
    kind: Kind, language: str, data: st.DataObject
) -> None:
    value = parse_value(kind, data.draw(TEXTS[kind]))
    for form in FORMS:
        shown = show(kind, value, language, form)
        assert shown.strip()
        if language != "en" and kind not in ("email", "phone", "address", "link", "text"):
            assert not ENGLISH.search(shown)


@pytest.mark.parametrize("kind", sorted(NUMBERS - {"duration"}))
@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=25)
@given(amount=AMOUNTS)
def test_no_amount_is_rounded_in_any_language(kind: Kind, language: str, amount: str) -> None:
    value = parse_value(kind, f"{amount} EUR" if kind == "money" else amount)
    for form in FORMS:
        assert figure_in(show(kind, value, language, form), language) == Decimal(amount)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=50)
@given(amount=AMOUNTS, unit=st.sampled_from(UNITS))
def test_no_duration_is_rounded_in_any_language(language: str, amount: str, unit: str) -> None:
    for form in FORMS:
        if language == "ar" and form != "number" and amount in ("1", "2"):
            continue  # Arabic says one and two by the form of the word alone
        shown = show("duration", parse_value("duration", f"{amount} {unit}s"), language, form)
        assert figure_in(shown, language) == Decimal(amount)


def parts_in_order(day: date, language: str) -> list[int]:
    """Day, month and year as the locale's short dates have them, the year with as many digits."""
    pattern = Locale.parse(LOCALES.get(language, language)).date_formats["short"].pattern
    year = day.year % 100 if re.search("(?<!y)yy(?!y)", pattern) else day.year
    parts = {"d": day.day, "M": day.month, "y": year}
    return [parts[letter] for letter in dict.fromkeys(re.findall("[dMy]", pattern))]


@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=50)
@given(day=st.dates(date(1990, 1, 1), date(2099, 12, 31)), other=st.dates(date(1990, 1, 1), date(2099, 12, 31)))
def test_every_date_has_its_day_month_and_year_as_the_locale_orders_them(language: str, day: date, other: date) -> None:
    short, long = show("date", day, language, "short"), show("date", day, language)
    assert [int(digits) for digits in re.findall(r"\d+", short)] == parts_in_order(day, language)
    expected = {day.day, day.year} | ({day.month} if language == "zh" else set())
    assert {int(digits) for digits in re.findall(r"\d+", long)} == expected
    if language != "zh":
        months = Locale.parse(LOCALES.get(language, language)).months["format"]["wide"]
        assert months[day.month] in long
    span = DateRange(min(day, other), max(day, other))
    assert show("date_range", span, language) == " – ".join(
        show("date", each, language) for each in (span.start, span.end)
    )


@pytest.mark.parametrize("kind", sorted(NUMBERS | {"date", "yearly_date", "date_range"}))
@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_all_figures_of_all_languages_have_the_same_digits(kind: Kind, language: str, data: st.DataObject) -> None:
    """What a reader copies into a form of the university can be read there: no digits of another script."""
    value = parse_value(kind, data.draw(TEXTS[kind]))
    for form in FORMS:
        assert all(character in "0123456789" for character in show(kind, value, language, form) if character.isdigit())


@pytest.mark.parametrize(
    ("language", "long", "short", "yearly", "yearly_short"),
    [
        ("en", "2 May 2026", "02/05/2026", "10 July", "10/07"),
        ("lt", "2026 m. gegužės 2 d.", "2026-05-02", "liepos 10 d.", "07-10"),
        ("uk", "2 травня 2026\u202fр.", "02.05.26", "10 липня", "10.07"),
        ("ru", "2 мая 2026\u202fг.", "02.05.2026", "10 июля", "10.07"),
        ("pl", "2 maja 2026", "2.05.2026", "10 lipca", "10.07"),
        ("de", "2. Mai 2026", "02.05.26", "10. Juli", "10.7."),
        ("fr", "2 mai 2026", "02/05/2026", "10 juillet", "10/07"),
        ("es", "2 de mayo de 2026", "2/5/26", "10 de julio", "10/7"),
        ("tr", "2 Mayıs 2026", "2.05.2026", "10 Temmuz", "10/7"),
        ("az", "2 may 2026", "02.05.26", "10 iyul", "10.07"),
        ("ar", "2 مايو 2026", "2\u200f/5\u200f/2026", "10 يوليو", "10\u200f/7"),
        ("zh", "2026年5月2日", "2026/5/2", "7月10日", "7/10"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(
    language: str, long: str, short: str, yearly: str, yearly_short: str
) -> None:
    day, every_year = date(2026, 5, 2), YearlyDate(7, 10)
    assert show("date", day, language) == long
    assert show("date", day, language, "short") == short
    assert show("yearly_date", every_year, language) == yearly
    assert show("yearly_date", every_year, language, "short") == yearly_short
    assert show("date_range", DateRange(day, date(2027, 5, 2)), language).startswith(f"{long} – ")
    assert show("date_range", DateRange(every_year, YearlyDate(7, 10)), language) == f"{yearly} – {yearly}"


@pytest.mark.parametrize(
    ("kind", "text", "language", "form", "shown"),
    [
        ("money", "80 EUR", "en", "long", "€80"),
        ("money", "80.00 EUR", "lt", "long", "80\u00a0€"),
        ("money", "120.5 EUR", "en", "long", "€120.50"),
        ("money", "12096.96 EUR", "de", "long", "12.096,96\u00a0€"),
        ("money", "0.125 EUR", "en", "long", "€0.125"),
        ("date", "2023-07-01", "fr", "long", "1er juillet 2023"),
        ("yearly_date", "07-01", "fr", "long", "1er juillet"),
        ("date", "2023-07-11", "fr", "long", "11 juillet 2023"),
        ("percentage", "12.5", "lt", "long", "12,5\u00a0%"),
        ("percentage", "12.5", "tr", "long", "%12,5"),
        ("percentage", "12.5", "lt", "number", "12,5"),
        ("number", "6.5", "lt", "long", "6,5"),
        ("duration", "4 months", "en", "long", "4 months"),
        ("duration", "4 months", "en", "short", "4 mths"),
        ("duration", "4 months", "en", "number", "4"),
        ("duration", "4 months", "lt", "long", "4 mėnesiai"),
        ("duration", "21 days", "lt", "long", "21 diena"),
        ("duration", "1.5 years", "lt", "short", "1,5 m."),
        ("duration", "4 months", "fr", "short", "4\u00a0mois"),
        ("duration", "4 months", "es", "short", "4 meses"),
        ("duration", "5 minutes", "fr", "long", "5\u00a0min"),
        ("address", "Donelaičio <73> & 'co'", "en", "long", "Donelaičio &lt;73&gt; &amp; 'co'"),
        (
            "link",
            "https://www.ktu.edu/a?b=1&c=2",
            "en",
            "long",
            '<a href="https://www.ktu.edu/a?b=1&amp;c=2">ktu.edu/a?b=1&amp;c=2</a>',
        ),
    ],
)
def test_values_are_shown(kind: Kind, text: str, language: str, form: str, shown: str) -> None:
    assert show(kind, parse_value(kind, text), language, form) == shown


@pytest.mark.parametrize("kind", ["email", "phone", "address", "link", "text"])
def test_latin_fragments_are_isolated_in_arabic_and_nowhere_else(kind: Kind) -> None:
    text = {"email": "info@ktu.lt", "phone": "+370 37 300 036", "link": "https://ktu.edu/"}.get(
        kind, "K. Donelaičio 73"
    )
    value = parse_value(kind, text)
    assert show(kind, value, "ar") == f"\u2068{show(kind, value, 'en')}\u2069"
    assert not {"\u2068", "\u2069"} & set("".join(show(kind, value, other) for other in LANGUAGES if other != "ar"))


def test_figures_need_no_isolate_in_arabic() -> None:
    assert show("money", Money(Decimal(3), "EUR"), "ar") == "\u200f3\u00a0€"
    assert show("duration", Duration(Decimal(4), "week"), "ar") == "4 أسابيع"


def test_a_links_text_has_no_scheme_and_no_last_slash() -> None:
    assert short_address("https://www.ktu.edu/studies/") == "ktu.edu/studies"
    assert short_address("https://en.ktu.edu") == "en.ktu.edu"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("money", " 120.96 EUR ", Money(Decimal("120.96"), "EUR")),
        ("date", "2026-05-02", date(2026, 5, 2)),
        ("yearly_date", "02-29", YearlyDate(2, 29)),
        ("date_range", "2026-09-01/2027-01-31", DateRange(date(2026, 9, 1), date(2027, 1, 31))),
        ("date_range", "2026-09-01/2026-09-01", DateRange(date(2026, 9, 1), date(2026, 9, 1))),
        ("date_range", "12-10/02-15", DateRange(YearlyDate(12, 10), YearlyDate(2, 15))),
        ("duration", "1 week", Duration(Decimal(1), "week")),
        ("duration", "1.5 years", Duration(Decimal("1.5"), "year")),
        ("number", "6.5", Decimal("6.5")),
        ("percentage", "20", Decimal(20)),
        ("email", "info@ktu.lt", "info@ktu.lt"),
        ("phone", "+370 37 300 036", "+370 37 300 036"),
        ("link", "https://en.ktu.edu", Link("https://en.ktu.edu")),
        ("text", "One line", "One line"),
    ],
)
def test_values_are_read_from_the_files_text(kind: Kind, text: str, value: object) -> None:
    assert parse_value(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("money", "80", "an amount and a currency"),
        ("money", "80,50 EUR", "an amount and a currency"),
        ("money", "-80 EUR", "an amount and a currency"),
        ("date", "2026-02-30", "a date as year-month-day"),
        ("date", "2 May 2026", "a date as year-month-day"),
        ("yearly_date", "02-30", "a month and a day"),
        ("yearly_date", "7-10", "a month and a day"),
        ("date_range", "2026-09-01", "two dates with a slash"),
        ("date_range", "2026-09-02/2026-09-01", "a first date that is not after the second"),
        ("date_range", "07-10/2026-09-15", "a month and a day"),
        ("duration", "4 fortnights", "a number and a unit"),
        ("duration", "months", "a number and a unit"),
        ("number", "many", "a number, for example"),
        ("number", "NaN", "a number, for example"),
        ("number", "Infinity", "a number, for example"),
        ("percentage", "20 %", "a number, for example"),
        ("email", "info at ktu.lt", "an e-mail address"),
        ("phone", "call us", "digits and spaces"),
        ("address", "", "a postal address"),
        ("link", "http://ktu.edu", "an address that begins with https://"),
        ("link", "https://ktu", "an address that begins with https://"),
        ("text", "two\nlines", "one line of text"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused_with_what_is_expected(kind: Kind, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        parse_value(kind, text)
