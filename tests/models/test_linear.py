"""Products in 8-bit integers against those in floating point."""

import pytest
import torch
from small_models import SMALL

from seq2seq.models import FAMILIES, Vocabulary, build
from seq2seq.models.linear import FEW, Linear, has_int8, product, use_int8, uses_int8

pytestmark = pytest.mark.skipif(not has_int8(), reason="this build of torch has no quantised products")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_few_rows_are_near_and_many_are_as_before(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = Linear(96, 40).to(dtype)
    few, many = torch.randn(3, 2, 96, dtype=dtype), torch.randn(FEW + 1, 96, dtype=dtype)
    before = layer(few), layer(many)
    use_int8(layer)
    with torch.no_grad():
        after = layer(few), layer(many)
    assert after[0].dtype == dtype
    assert after[0].shape == (3, 2, 40)
    assert torch.equal(after[1], before[1])
    error = (after[0].float() - before[0].float()).detach().abs().max()
    assert 0 < float(error) < 0.03  # it is another arithmetic, and a near one
    assert torch.equal(product(few, layer.weight.detach().clone(), layer.bias), before[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_does_not_depend_on_its_neighbours(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = Linear(96, 40, bias=False).to(dtype)
    use_int8(layer)
    rows = torch.randn(6, 96, dtype=dtype) * torch.tensor([1e-3, 1, 50, 0, 1e4, 1], dtype=dtype).unsqueeze(1)
    with torch.no_grad():
        together, alone = layer(rows), torch.cat([layer(row.unsqueeze(0)) for row in rows])
        exact = rows.float() @ layer.weight.float().t()
    assert torch.equal(together, alone)
    assert not together[3].any()
    # Each row is right by its own measure.
    assert ((together.float() - exact).abs().amax(1) <= 0.02 * exact.abs().amax(1)).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_takes_integers_in_its_steps(family: str) -> None:
    torch.manual_seed(0)
    config = FAMILIES[family][0](**SMALL[family])
    model = build(config, Vocabulary(source=50, target=50)).eval()
    source = torch.randint(4, 50, (2, 6))
    mask = torch.ones_like(source, dtype=torch.bool)

    @torch.inference_mode()
    def logits() -> torch.Tensor:
        memory = model.encode(source, mask)
        state, found = model.start(memory), []
        for token in torch.tensor([[5, 9], [6, 10], [7, 11]]):
            step, state = model.step(memory, state, token)
            found.append(step.logits)
        return torch.stack(found)

    before = logits()
    assert not uses_int8(model)
    use_int8(model)
    assert uses_int8(model)
    after = logits()
    assert not torch.equal(after, before)
    scale = float(before.std())
    assert float((after - before).abs().max()) < 0.2 * scale
