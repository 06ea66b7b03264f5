"""The intent classifier: a linear model over the meaning of a message, and its nearest examples by letters.

Two views that fail on different messages (docs/decisions/0002 has the measurements). Their sum is
calibrated on examples that neither had learned: of the messages answered with a confidence of 0.8,
eight in ten are right. The trained model is arrays of numbers: nothing is unpickled when it is loaded.
"""

from __future__ import annotations

import hashlib
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
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from nlu.components.letters import Letters, count
from nlu.components.vectors import prepare

MODEL_FILE = "classifier.npz"
INTENT_RANKING = "intent_ranking"
KEPT_BACK = 16  # one example in so many is kept back to calibrate with; more would be missed in the fit


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
            "max_iter": 60,
            "letters": 20.0,  # weight of the nearness by letters, beside a log-probability of weight one
            "ranking": 10,  # intents named in an answer
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        for name, least in (("C", 1e-9), ("max_iter", 1), ("letters", 0), ("ranking", 1)):
            if float(config.get(name, least)) < least:
                raise RasaException(f"{cls.__name__}: '{name}' must be at least {least}.")

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.validate_config(config)
        self._config, self._storage, self._resource = config, storage, resource
        self._intents: list[str] = []
        self._weights = self._bias = np.zeros(0)
        self._letters: Letters
        self._temperature = 1.0

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
            component._intents = arrays["intents"].tolist()
            component._weights, component._bias = arrays["weights"], arrays["bias"]
            component._letters = Letters(arrays)
            component._temperature = float(arrays["temperature"])
        return component

    def train(self, training_data: TrainingData) -> Resource:
        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        self._intents, intents = np.unique([example.get(INTENT) for example in examples], return_inverse=True)
        if len(self._intents) < 2:
            raise RasaException(f"{type(self).__name__}: the training data must hold at least two intents.")
        self._intents = self._intents.tolist()
        texts, vectors = _texts(examples), _vectors(examples)
        self._calibrate(texts, vectors, intents)
        arrays = self._fit(texts, vectors, intents) | {"weights": self._weights, "bias": self._bias}
        with self._storage.write_to(self._resource) as folder:
            np.savez_compressed(folder / MODEL_FILE, intents=self._intents, temperature=self._temperature, **arrays)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        chances = np.exp(log_softmax(self._scores(_texts(messages), _vectors(messages)) / self._temperature, axis=1))
        for message, row in zip(messages, chances, strict=True):
            best = np.argsort(-row)[: int(self._config["ranking"])]
            ranking = [{"name": self._intents[i], "confidence": float(row[i])} for i in best]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING, ranking, add_to_output=True)
        return messages

    def _calibrate(self, texts: list[str], vectors: np.ndarray, intents: np.ndarray) -> None:
        """Find the temperature at which examples that were kept back are as likely as they are right."""
        kept = np.array([hashlib.sha256(text.encode()).digest()[0] % KEPT_BACK == 0 for text in texts])
        if not kept.any() or len(set(intents[~kept])) < len(self._intents):
            return  # too few examples to learn without some of them
        self._fit([text for text, out in zip(texts, kept, strict=True) if not out], vectors[~kept], intents[~kept])
        scores = self._scores([text for text, out in zip(texts, kept, strict=True) if out], vectors[kept])

        def surprise(temperature: float) -> float:
            return -float(log_softmax(scores / temperature, axis=1)[np.arange(len(scores)), intents[kept]].mean())

        self._temperature = float(minimize_scalar(surprise, bounds=(0.2, 5), method="bounded").x)

    def _fit(self, texts: list[str], vectors: np.ndarray, intents: np.ndarray) -> dict[str, np.ndarray]:
        """Learn from these examples; gives what is to be kept of their letters."""
        examples = count(texts, intents)
        self._letters = Letters(examples)
        linear = LogisticRegression(C=float(self._config["C"]), max_iter=int(self._config["max_iter"]), warm_start=True)
        if self._weights.size:  # fitted to most of the same examples before: a third of the way is left
            linear.coef_, linear.intercept_ = self._weights, self._bias
            linear.max_iter = -(-linear.max_iter // 3)
        linear.fit(vectors, intents)
        self._weights, self._bias = linear.coef_.astype(np.float32), linear.intercept_.astype(np.float32)
        return examples

    def _scores(self, texts: list[str], vectors: np.ndarray) -> np.ndarray:
        meaning = vectors @ self._weights.T + self._bias
        if meaning.shape[1] == 1:  # two intents: one score, that of the second
            meaning = np.hstack([np.zeros_like(meaning), meaning])
        return log_softmax(meaning, axis=1) + float(self._config["letters"]) * self._letters.nearness(texts)


def _texts(messages: list[Message]) -> list[str]:
    return [prepare(message.get(TEXT) or "") for message in messages]


def _vectors(messages: list[Message]) -> np.ndarray:
    """All sentence vectors of each message side by side, shape (messages, dimensions)."""
    return np.vstack([message.get_dense_features(TEXT)[1].features for message in messages])
