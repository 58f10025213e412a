"""The keyword networks and their spectrograms answer like the package they come from."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

import patchc
from examples.keyword_spotting import main, read_wav, write_wav
from examples.zoo import KEYWORDS, build_float, speech
from examples.zoo.mlperf_tiny import SPECTROGRAM
from examples.zoo.spectrogram import SAMPLE_RATE, Frontend

# What the .tflite files in the package answer to the two spectrograms, run once with
# ai-edge-litert 2.3.0: the word and its probability. Float is not int8, so it comes close.
BY_TFLITE = {
    "keywords_ds_cnn": (("yes", 0.996), ("go", 0.781)),
    "keywords_mobilenet_v2": (("unknown", 0.988), ("go", 0.996)),
}
TOLERANCE = 0.15

every_network = pytest.mark.parametrize("name", KEYWORDS)


@every_network
def test_answers_like_the_tflite_of_its_package(name: str):
    network, session = KEYWORDS[name], onnxruntime.InferenceSession(build_float(name))
    for sound, (word, probability) in zip(
        network.check_inputs()[SPECTROGRAM], BY_TFLITE[name], strict=True
    ):
        (answer,) = session.run(None, {SPECTROGRAM: sound[None]})[0]
        assert network.class_names()[answer.argmax()] == word
        assert answer.max() == pytest.approx(probability, abs=TOLERANCE)


@pytest.mark.parametrize("word", speech.WORDS)
def test_spectrogram_is_close_to_the_integer_code(word: str):
    """The package holds what that code made of the recordings, under settings of its own."""
    frontend = Frontend(
        length_ms=1000, channels=40, upper_hz=7500.0, least_remaining=0.05, gain_control=True
    )
    features = speech.constant(word, f"{word.upper()}_OUTPUT_FEATURES_INT8")
    wanted = np.reshape(features, frontend.shape) + 128
    difference = np.abs(frontend.spectrogram(speech.recording(word)) - wanted)
    assert np.median(difference) <= 1
    assert difference.mean() <= 3


@every_network
def test_spectrograms_fit_the_network(name: str):
    (source,) = onnxruntime.InferenceSession(build_float(name)).get_inputs()
    for samples in (KEYWORDS[name].calibration(), KEYWORDS[name].check_inputs()):
        values = samples[source.name]
        assert [1, *values.shape[1:]] == source.shape
        assert values.dtype == np.float32
        assert 0 <= values.min() <= values.max() <= 255


def test_silence_is_a_spectrogram():
    frontend = speech.DS_CNN
    found = frontend.spectrogram(np.zeros(10, np.int16))
    assert found.shape == frontend.shape
    assert not found.any()


@pytest.mark.slow
@every_network
def test_c_equals_onnxruntime(name: str, tmp_path: Path):
    network, quantized = KEYWORDS[name], tmp_path / f"{name}.onnx"
    patchc.quantize(build_float(name), quantized, calibration=network.calibration())
    patchc.compile(quantized, tmp_path / "out")
    np.savez(tmp_path / "sounds.npz", **network.check_inputs())
    found = patchc.verify(tmp_path / "out", inputs=tmp_path / "sounds.npz")
    assert found.passed, found.failures


@pytest.mark.parametrize(
    ("rate", "message"), [(8000, "not 1, 16 bits, 8000 Hz: convert it"), (None, "not a WAV file")]
)
def test_other_files_are_refused(rate: int | None, message: str, tmp_path: Path):
    path = tmp_path / "sound.wav"
    path.write_bytes(b"no sound")
    if rate:
        write_wav(path, np.zeros(8, np.int16), rate)
    done = CliRunner().invoke(main, ["--wav", str(path), "--output", str(tmp_path)])
    assert done.exit_code == 2
    assert message in done.output.replace("\n", " ")


def test_a_wav_file_is_what_was_written(tmp_path: Path):
    sound = speech.recording("no")
    write_wav(tmp_path / "no.wav", sound)
    np.testing.assert_array_equal(read_wav(tmp_path / "no.wav"), sound)
    assert len(sound) == SAMPLE_RATE
