"""Keras networks with random weights through tf2onnx: channels last, as TensorFlow has them.

nhwc: the image as Keras takes it; nchw: tf2onnx told to take it channels first.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnx

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf
import tf2onnx
from keras import layers

from tests.zoo.rows import Row

SEED, OPSET = 2026, 17


def _applied(name: str, **options: Any) -> Any:
    def build(shape: tuple[int, ...]) -> keras.Model:
        network = getattr(keras.applications, name)
        return network(input_shape=shape, weights=None, classes=10, **options)

    return build


def keyword_spotting(shape: tuple[int, ...]) -> keras.Model:
    """Convolutions over time alone, causal."""
    inputs = x = keras.Input(shape)
    for dilation in (1, 2, 4):
        x = layers.Conv1D(16, 3, padding="causal", dilation_rate=dilation)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalMaxPooling1D()(x)))


def segmentation(shape: tuple[int, ...]) -> keras.Model:
    """Bilinear upsampling and a Concat."""
    inputs = keras.Input(shape)
    top = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    low = layers.Conv2D(16, 3, 2, padding="same", activation="relu")(top)
    up = layers.UpSampling2D(2, interpolation="bilinear")(low)
    joined = layers.Concatenate()([up, top])
    return keras.Model(inputs, layers.Conv2D(2, 1, activation="sigmoid")(joined))


def activations(shape: tuple[int, ...]) -> keras.Model:
    """ELU, LeakyReLU, PReLU, SELU, softplus, and SeparableConv2D."""
    inputs = x = keras.Input(shape)
    for name in ("elu", "selu", "softplus", "gelu", "hard_silu"):
        x = layers.SeparableConv2D(8, 3, padding="same", activation=name)(x)
    x = layers.PReLU(shared_axes=(1, 2))(layers.LeakyReLU()(x))
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


NETWORKS = {
    "mobilenet": _applied("MobileNet", alpha=0.25),
    "mobilenet_v2": _applied("MobileNetV2", alpha=0.35),
    "mobilenet_v3_small": _applied("MobileNetV3Small", alpha=0.75),
    "efficientnet_b0": _applied("EfficientNetB0"),
    "efficientnetv2_b0": _applied("EfficientNetV2B0"),
    "densenet121": _applied("DenseNet121"),
    "nasnet_mobile": _applied("NASNetMobile"),
    "resnet50": _applied("ResNet50"),
    "resnet50_v2": _applied("ResNet50V2"),
    "keyword_spotting": keyword_spotting,
    "segmentation": segmentation,
    "activations": activations,
}


def make(row: Row) -> onnx.ModelProto:
    """The file of a row."""
    keras.utils.set_random_seed(SEED)
    shape = row.shape[1:]
    network = NETWORKS[row.network](shape)
    random = np.random.default_rng(SEED)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(random.normal(0, 0.1, layer.moving_mean.shape))
            layer.moving_variance.assign(random.uniform(0.6, 1.4, layer.moving_variance.shape))
    signature = [tf.TensorSpec(row.shape, tf.float32, name="image")]
    first = ["image"] if row.form == "nchw" else None
    function = tf.function(lambda image: network(image, training=False), signature)
    model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET, inputs_as_nchw=first)
    return model
