"""E-mail addresses, application numbers, programmes, months and days in messages."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.language import LANGUAGES
from nlu.mentions import find_mentions


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "write me at Ada.L+ktu@mail.example.org.", {"email": "Ada.L+ktu@mail.example.org"}),
        ("en", "my MIGRIS application 2608-LLG-0042 is stuck", {"application": "2608-LLG-0042"}),
        ("en", "application number: 104523, still no answer", {"application": "104523"}),
        ("lt", "prašymo nr. 88123", {"application": "88123"}),
        ("ru", "заявление № 77120", {"application": "77120"}),
        ("zh", "我的申请编号 55231 有消息吗", {"application": "55231"}),
        ("ar", "طلبي رقم 9912 ما صار فيه شي", {"application": "9912"}),
        ("en", "is data science taught in English", {"programme": "Data Science and Artificial Intelligence"}),
        ("de", "ich will Artificial Intelligence studieren", {"programme": "Artificial Intelligence"}),
        ("en", "i arrive on 25 August 2027", {"date": "2027-08-25"}),
        ("en", "can I come on Sept 3rd? or september 3", {"date": "09-03"}),
        ("en", "may I pay later?", {}),
        ("en", "is it open in May", {"month": "05"}),
        ("lt", "atvyksiu rugsėjo 3 d.", {"date": "09-03"}),
        ("lt", "ar rugsėjį dar galima", {"month": "09"}),
        ("ru", "приеду в августе", {"month": "08"}),
        ("ru", "буду 15.09.2027", {"date": "2027-09-15"}),
        ("pl", "przyjadę we wrześniu", {"month": "09"}),
        ("es", "llego el 1 de febrero", {"date": "02-01"}),
        ("fr", "à partir de février", {"month": "02"}),
        ("tr", "eylülde geliyorum", {"month": "09"}),
        ("zh", "我9月1日到", {"date": "09-01"}),
        ("zh", "2027年2月开始", {"month": "02"}),
        ("ar", "سأصل في أيلول", {"month": "09"}),
        ("ar", "في سبتمبر", {"month": "09"}),
        ("en", "room 31.31 or 99/99", {}),
        ("en", "do I need a visa?", {}),
    ],
)
def test_what_a_message_names_exactly_is_found(language: str, text: str, found: dict[str, str]) -> None:
    assert find_mentions(text, language) == found


@settings(deadline=None)
@given(day=st.dates(date(2020, 1, 1), date(2035, 12, 31)), language=st.sampled_from(LANGUAGES))
def test_a_day_in_digits_is_the_same_in_every_language(day: date, language: str) -> None:
    for written in (day.isoformat(), f"{day:%d.%m.%Y}", f"{day.year}年{day.month}月{day.day}日"):
        assert find_mentions(f"? {written} ?", language) == {"date": day.isoformat()}


@settings(deadline=None)
@given(text=st.text(max_size=400), language=st.sampled_from(LANGUAGES))
def test_any_text_gives_well_formed_mentions(text: str, language: str) -> None:
    found = find_mentions(text, language)
    assert found.keys() <= {"email", "application", "programme", "month", "date"}
    assert re.fullmatch(r"\d\d", found.get("month", "01"))
    assert re.fullmatch(r"(\d{4}-)?\d\d-\d\d", found.get("date", "01-01"))
