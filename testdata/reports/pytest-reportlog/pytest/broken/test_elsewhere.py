import pytest

pytest.skip("only on solaris", allow_module_level=True)
