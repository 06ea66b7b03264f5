"""What is known of a person, and what is kept of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation.person import NOT_SAID, Person

maybe = st.none() | st.text(max_size=20)
people = st.builds(
    Person,
    language=st.text(max_size=5),
    country=maybe,
    citizenship=maybe,
    level=maybe,
    stage=maybe,
    direction=maybe,
    topic=maybe,
    asked=maybe,
    consent=st.booleans(),
)


@settings(deadline=None, max_examples=50)
@given(people)
def test_a_person_is_the_same_after_being_stored(person: Person) -> None:
    assert Person.from_dict(person.as_dict()) == person


def test_only_what_is_known_is_stored() -> None:
    assert Person(language="lt", level="phd").as_dict() == {"language": "lt", "level": "phd", "consent": False}


def test_what_an_older_version_stored_is_left_out() -> None:
    assert Person.from_dict({"language": "lt", "shoe_size": 43}) == Person(language="lt")


def test_a_country_decides_the_citizenship() -> None:
    classes = {"IN": "visa_required", "UA": "visa_free"}
    person = Person(country="UA", citizenship="visa_free").with_country("IN", classes.__getitem__)
    assert (person.country, person.citizenship) == ("IN", "visa_required")


def test_a_citizenship_said_directly_takes_the_place_of_the_country() -> None:
    person = Person(country="IN", citizenship="visa_required").with_aspect("citizenship", "eu")
    assert (person.country, person.citizenship) == (None, "eu")


def test_another_aspect_leaves_the_country() -> None:
    person = Person(country="IN", citizenship="visa_required").with_aspect("level", "master")
    assert (person.country, person.citizenship, person.level) == ("IN", "visa_required", "master")


def test_a_case_holds_what_is_known_and_what_was_not_said() -> None:
    assert Person(country="IN", citizenship=NOT_SAID, stage="admitted", topic="visa.need").case == {
        "citizenship": "not_said",
        "stage": "admitted",
    }


def test_a_new_conversation_keeps_the_person_and_drops_the_topic() -> None:
    person = Person(language="lt", country="IN", level="phd", topic="visa.need", asked="country", consent=True)
    assert person.forget_context() == Person(language="lt", country="IN", level="phd", consent=True)
