"""A linear intent classifier over whatever sentence vectors the pipeline computed.

Rasa's own LogisticRegressionClassifier fixes the regularisation at C = 1, which is too strong for few
examples of many intents; here it is a setting. The trained model is two arrays,
kept as plain numbers: nothing is unpickled when it is loaded.
"""

from __future__ import annotations

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

MODEL_FILE = "linear.npz"
INTENT_RANKING = "intent_ranking"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class LinearIntentClassifier(IntentClassifier, GraphComponent):
    """Multinomial logistic regression. Intents with more examples, such as out of scope, are likelier."""

    @classmethod
    def required_components(cls) -> list[type]:
        return [Featurizer]

    @staticmethod
    def required_packages() -> list[str]:
        return ["sklearn"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            "C": 30.0,  # inverse strength of the regularisation
            "max_iter": 60,
            "ranking": 10,  # intents named in an answer
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        if float(config.get("C", 1)) <= 0:
            raise RasaException("LinearIntentClassifier: 'C' must be above 0.")

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self.validate_config(config)
        self._config, self._storage, self._resource = config, storage, resource
        self._intents: list[str] = []
        self._weights = self._bias = np.zeros(0)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LinearIntentClassifier:
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> LinearIntentClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder, np.load(folder / MODEL_FILE) as arrays:
            component._intents = arrays["intents"].tolist()
            component._weights, component._bias = arrays["weights"], arrays["bias"]
        return component

    def train(self, training_data: TrainingData) -> Resource:
        from sklearn.linear_model import LogisticRegression

        examples = [example for example in training_data.intent_examples if example.get(TEXT)]
        intents = [example.get(INTENT) for example in examples]
        if len(set(intents)) < 2:
            raise RasaException("LinearIntentClassifier: the training data must hold at least two intents.")
        fitted = LogisticRegression(C=float(self._config["C"]), max_iter=int(self._config["max_iter"])).fit(
            _vectors(examples), intents
        )
        self._intents = fitted.classes_.tolist()
        self._weights, self._bias = fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32)
        with self._storage.write_to(self._resource) as folder:
            np.savez(folder / MODEL_FILE, intents=self._intents, weights=self._weights, bias=self._bias)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message, chances in zip(messages, self._chances(_vectors(messages)), strict=True):
            best = np.argsort(-chances)[: int(self._config["ranking"])]
            ranking = [{"name": self._intents[i], "confidence": float(chances[i])} for i in best]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING, ranking, add_to_output=True)
        return messages

    def _chances(self, vectors: np.ndarray) -> np.ndarray:
        scores = vectors @ self._weights.T + self._bias
        if scores.shape[1] == 1:  # two intents: one score, that of the second
            scores = np.hstack([np.zeros_like(scores), scores])
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def _vectors(messages: list[Message]) -> np.ndarray:
    """All sentence vectors of each message side by side, shape (messages, dimensions)."""
    return np.vstack([message.get_dense_features(TEXT)[1].features for message in messages])
