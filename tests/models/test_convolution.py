"""The short convolution against the library's."""

import pytest
import torch

from seq2seq.models.convolution import CausalConvolution


@pytest.mark.parametrize(("length", "width"), [(1, 4), (3, 4), (4, 4), (9, 4), (5, 1), (2, 7)])
def test_the_convolution_is_the_librarys(length: int, width: int) -> None:
    values = torch.randn(2, length, 3, dtype=torch.float64, requires_grad=True)
    taps = torch.randn(width, 3, dtype=torch.float64, requires_grad=True)
    found = CausalConvolution.apply(values, taps)
    padded = torch.nn.functional.pad(values.transpose(1, 2), (width - 1, 0))
    wanted = torch.nn.functional.conv1d(padded, taps.t().unsqueeze(1), groups=3).transpose(1, 2)
    assert torch.allclose(found, wanted)
    assert torch.autograd.gradcheck(CausalConvolution.apply, (values, taps))
