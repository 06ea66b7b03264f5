"""The intent classifier: a linear model over the meaning of a message, and its nearest examples.

Three views that fail on different messages: linear, near by letters, near by meaning (docs/decisions/0002
has the measurements). How much each counts is found on messages that none of them has learned, so that
what comes out is as likely as it says: of the messages answered with a confidence of 0.8, eight in ten
are right. The trained model is arrays of numbers: nothing is unpickled when it is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.linear_model import LogisticRegression

from nlu.components.examples import ACCEPTED
from nlu.components.letters import Letters, count
from nlu.components.nearest import Neighbours, Places, find_directions, look_along
from nlu.components.vectors import prepare

MODEL_FILE = "classifier.npz"
INTENT_RANKING = "intent_ranking"
KEPT_BACK = 4  # one example in so many is kept back to weigh the views with where no messages are there for it


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class MeaningAndLettersClassifier(IntentClassifier, GraphComponent):
    """Ranks all intents. Those with more examples, such as out of scope, are likelier."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn", "scipy", "anyascii"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "C": 30.0,  # inverse strength of the linear model's regularisation
            "max_iter": 40,
            "neighbours": 128,  # directions in which examples are compared to find the nearest
            "ranking": 10,  # intents named in an answer
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        for name, least in (("C", 1e-9), ("max_iter", 1), ("neighbours", 1), ("ranking", 1)):
            if float(config.get(name, least)) < least:
                raise RasaException(f"{cls.__name__}: '{name}' must be at least {least}.")

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.validate_config(config)
        self._config, self._storage, self._resource = config, storage, resource
        self._intents: list[str] = []
        self._linear: tuple[np.ndarray, np.ndarray]  # a row of weights for each intent, and their biases
        self._letters: Letters
        self._neighbours: Neighbours
        self._trust = np.array([1.0, 10.0, 10.0])  # of linear, letters and neighbours

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MeaningAndLettersClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> MeaningAndLettersClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder, np.load(folder / MODEL_FILE) as arrays:
            component._intents, component._trust = arrays["intents"].tolist(), arrays["trust"]
            component._look_at(arrays)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        messages = [message for message in training_data.intent_examples if message.get(TEXT)]
        examples = [message for message in messages if not message.get(ACCEPTED)]
        development = [message for message in messages if message.get(ACCEPTED)]
        self._intents, intents = np.unique([example.get(INTENT) for example in examples], return_inverse=True)
        if len(self._intents) < 2:
            raise RasaException(f"{type(self).__name__}: the training data must hold at least two intents.")
        self._intents = self._intents.tolist()
        if not development:
            self._weigh_with_kept_back(examples, intents)
        arrays = self._fit(examples, intents)
        if development:
            accepted = [message.get(ACCEPTED) for message in development]
            right = np.array([[intent in each for intent in self._intents] for each in accepted])
            self._weigh(development, right)
        with self._storage.write_to(self._resource) as folder:
            np.savez_compressed(folder / MODEL_FILE, intents=self._intents, trust=self._trust, **arrays)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        chances = softmax(np.tensordot(self._trust, self._views(messages), axes=1), axis=1)
        for message, row in zip(messages, chances, strict=True):
            best = np.argsort(-row)[: int(self._config["ranking"])]
            ranking = [{"name": self._intents[i], "confidence": float(row[i])} for i in best]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING, ranking, add_to_output=True)
        return messages

    def _fit(self, examples: list[Message], intents: np.ndarray) -> dict[str, np.ndarray]:
        """Learn from these examples; gives what is to be kept of them."""
        vectors = _vectors(examples)
        linear = LogisticRegression(C=float(self._config["C"]), max_iter=int(self._config["max_iter"]))
        with ThreadPoolExecutor(1) as pool:  # counting is Python's work, fitting is that of compiled code
            counting = pool.submit(count, _texts(examples))
            directions = find_directions(vectors, intents, int(self._config["neighbours"]))
            linear.fit(vectors, intents)
        arrays = counting.result() | {
            "weights": linear.coef_.astype(np.float32),
            "bias": linear.intercept_.astype(np.float32),
            "directions": directions.astype(np.float16),
            "neighbours": look_along(vectors, directions).astype(np.float16),
            "intents_of_examples": intents.astype(np.int16),
        }
        self._look_at(arrays)
        return arrays

    def _look_at(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take up the three views from what `_fit` gave."""
        places = Places(arrays["intents_of_examples"])
        self._linear = arrays["weights"], arrays["bias"]
        self._letters = Letters(arrays, places)
        self._neighbours = Neighbours(arrays["directions"].astype(np.float32), arrays["neighbours"], places)

    def _views(self, messages: list[Message]) -> np.ndarray:
        """What each view thinks of each intent for each message, shape (3, messages, intents)."""
        vectors = _vectors(messages)
        weights, bias = self._linear
        meaning = vectors @ weights.T + bias
        if meaning.shape[1] == 1:  # two intents: one score, that of the second
            meaning = np.hstack([np.zeros_like(meaning), meaning])
        linear = log_softmax(meaning, axis=1)
        return np.stack([linear, self._letters.nearness(_texts(messages)), self._neighbours.nearness(vectors)])

    def _weigh_with_kept_back(self, examples: list[Message], intents: np.ndarray) -> None:
        """Weigh the views with examples that are kept back, where enough of each intent are left to learn from."""
        kept = np.array([hashlib.sha256(text.encode()).digest()[0] % KEPT_BACK == 0 for text in _texts(examples)])
        if not kept.any() or len(set(intents[~kept])) < len(self._intents):
            return
        self._fit([example for example, out in zip(examples, kept, strict=True) if not out], intents[~kept])
        right = intents[kept][:, None] == np.arange(len(self._intents))
        self._weigh([example for example, out in zip(examples, kept, strict=True) if out], right)

    def _weigh(self, messages: list[Message], right: np.ndarray) -> None:
        """Find how much to trust each view so that what is right, shape (messages, intents), is likeliest."""
        known = right.any(axis=1)  # not what is only right by an intent that was not learned
        if not known.any():
            return
        views, right = self._views([each for each, one in zip(messages, known, strict=True) if one]), right[known]

        def surprise(logarithms: np.ndarray) -> tuple[float, np.ndarray]:
            trust = np.exp(logarithms)
            scores = np.tensordot(trust, views, axes=1)
            of_right = np.where(right, scores, -np.inf)
            value = (logsumexp(scores, axis=1) - logsumexp(of_right, axis=1)).mean()
            excess = (softmax(scores, axis=1) - softmax(of_right, axis=1)) * views
            return float(value), trust * excess.sum(axis=2).mean(axis=1)

        bounds = [(-5.0, 5.0)] * len(views)  # a view that tells nothing is trusted nearly not at all
        self._trust = np.exp(minimize(surprise, np.log(self._trust), jac=True, bounds=bounds).x)


def _texts(messages: list[Message]) -> list[str]:
    return [prepare(message.get(TEXT) or "") for message in messages]


def _vectors(messages: list[Message]) -> np.ndarray:
    """All sentence vectors of each message side by side, shape (messages, dimensions)."""
    return np.vstack([message.get_dense_features(TEXT)[1].features for message in messages])
