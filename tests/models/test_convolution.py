"""The causal convolution, compared with torch's."""

import pytest
import torch

from seq2seq.models.layers.convolution import causal_convolution


@pytest.mark.parametrize(("length", "width"), [(1, 4), (3, 4), (4, 4), (9, 4), (5, 1), (2, 7)])
def test_convolution_equals_conv1d(length: int, width: int) -> None:
    torch.manual_seed(length)
    values = torch.randn(2, length, 3, dtype=torch.float64, requires_grad=True)
    taps = torch.randn(width, 3, dtype=torch.float64, requires_grad=True)
    padded = torch.nn.functional.pad(values.transpose(1, 2), (width - 1, 0))
    kernel = taps.t().unsqueeze(1)
    expected = torch.nn.functional.conv1d(padded, kernel, groups=3).transpose(1, 2)
    assert torch.allclose(causal_convolution(values, taps), expected)
    assert torch.autograd.gradcheck(causal_convolution, (values, taps))
