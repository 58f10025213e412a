"""Sound -> the spectrograms that the keyword networks were trained on.

The steps and constants are those of TensorFlow's microfrontend, the integer code that made the
networks' training data, in floating point: windows, spectrum, triangular filters spaced by mel,
reduction of steady noise, gain control per channel (PCAN), logarithm. It differs from that code by
what that one rounds away: hardly where it is loud, more where it is quiet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 16_000  # Hz
STEPS_PER_NEPER = 64  # of the logarithm
# ln of what the integer code multiplies its 512-point magnitudes with before the logarithm.
LOG_OFFSET_BITS = 3
FILTER_SCALE = 2.0**6  # the square root of its 12-bit filter weights
PCAN_OFFSET, PCAN_STRENGTH, PCAN_SCALE = 80, 0.95, 64
FLAT_TO_BYTE = 256 / 666  # one step of a network's byte is 2.6 of the logarithm


@dataclass(frozen=True, slots=True)
class Frontend:
    """Settings under which a network was trained."""

    length_ms: int  # of the sound; shorter ones are filled up with silence
    channels: int
    upper_hz: float
    least_remaining: float  # of the signal, after the reduction of noise
    gain_control: bool
    lower_hz: float = 125.0
    window_ms: int = 30
    step_ms: int = 20
    smoothing: tuple[float, float] = (0.025, 0.06)  # of the noise, even and odd channels

    def spectrogram(self, sound: np.ndarray) -> np.ndarray:
        """int16 samples at SAMPLE_RATE -> (windows, channels), 0..255, as float32."""
        magnitudes = np.sqrt(self._energies(_fitted(sound, self.length_ms)) @ self._filters())
        # The integer code goes on with whole numbers.
        magnitudes = np.floor(magnitudes * FILTER_SCALE)
        noise = self._noise(magnitudes)
        signal = np.maximum(magnitudes - noise, magnitudes * self.least_remaining)
        magnitudes = np.floor(signal)
        if self.gain_control:
            magnitudes = np.floor(_gain_controlled(magnitudes, noise) * PCAN_SCALE)
        scaled = np.maximum(magnitudes * 2**LOG_OFFSET_BITS, 1)
        logarithms = np.floor(np.log(scaled) * STEPS_PER_NEPER + 0.5)
        return np.clip(np.floor(logarithms * FLAT_TO_BYTE + 0.5), 0, 255).astype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        windows = (self.length_ms - self.window_ms) // self.step_ms + 1
        return windows, self.channels

    @property
    def _points(self) -> int:
        """Of the Fourier transform: the power of two that holds a window."""
        return 1 << (_samples(self.window_ms) - 1).bit_length()

    def _energies(self, sound: np.ndarray) -> np.ndarray:
        """(windows, frequencies)."""
        size, step = _samples(self.window_ms), _samples(self.step_ms)
        windows = np.lib.stride_tricks.sliding_window_view(sound, size)[::step]
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)
        spectrum = np.fft.rfft(windows * hann, self._points) / self._points
        return np.abs(spectrum) ** 2

    def _filters(self) -> np.ndarray:
        """(frequencies, channels): triangles between the centres of the neighbours."""
        frequencies = np.arange(self._points // 2 + 1) * SAMPLE_RATE / self._points
        low, high = _mel(self.lower_hz), _mel(self.upper_hz)
        centres = np.linspace(low, high, self.channels + 2)
        places = (_mel(frequencies)[:, None] - centres[0]) / (centres[1] - centres[0])
        triangles = np.maximum(0, 1 - np.abs(places - np.arange(1, self.channels + 1)))
        # The integer code begins at the first frequency above the lower limit.
        triangles[frequencies < self.lower_hz] = 0
        return triangles

    def _noise(self, magnitudes: np.ndarray) -> np.ndarray:
        """A running mean per channel, which begins at 0."""
        even, odd = self.smoothing
        share = np.where(np.arange(self.channels) % 2, odd, even)
        noise = np.zeros((len(magnitudes) + 1, self.channels))
        for row, signal in enumerate(magnitudes):
            noise[row + 1] = share * signal + (1 - share) * noise[row]
        return noise[1:]


def _gain_controlled(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The signal in relation to the noise, small values squared away."""
    ratio = signal * 2**LOG_OFFSET_BITS
    ratio *= (noise * 2**LOG_OFFSET_BITS + PCAN_OFFSET) ** -PCAN_STRENGTH
    return np.where(ratio < 2, ratio**2 / 4, ratio - 1)


def _samples(milliseconds: int) -> int:
    return milliseconds * SAMPLE_RATE // 1000


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def _fitted(sound: np.ndarray, length_ms: int) -> np.ndarray:
    wanted = _samples(length_ms)
    return np.pad(sound[:wanted], (0, max(0, wanted - len(sound)))).astype(np.float64)
