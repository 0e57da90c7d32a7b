"""Last: whether the walk was a whole one."""

import pytest
from calls import SCOPE, left_out


@pytest.mark.parametrize("sdk", SCOPE)
def test_every_method_in_scope_was_called(sdk: str) -> None:
    assert left_out(sdk) == []
