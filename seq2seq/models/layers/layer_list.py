"""A module list that knows the type of its modules."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from torch import nn

LayerT = TypeVar("LayerT", bound=nn.Module)


class LayerList(nn.ModuleList, Generic[LayerT]):
    """An `nn.ModuleList` of layers of one type.

    It behaves like `nn.ModuleList`. The type checker also sees the methods of the layers.
    """

    def __init__(self, layers: Iterable[LayerT]) -> None:
        super().__init__(layers)

    if TYPE_CHECKING:

        def __iter__(self) -> Iterator[LayerT]: ...

        def __getitem__(self, index: int) -> LayerT: ...  # type: ignore[override]
