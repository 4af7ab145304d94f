"""Everything in `pix2pix_tf.__all__` says what it takes, returns and raises, and shows its use."""

import inspect

import pytest

import pix2pix_tf

NAMES = [name for name in pix2pix_tf.__all__ if name != "__version__"]


def public_callables():
    """The public functions, and the public methods of the public classes, with their names."""
    for name in NAMES:
        thing = getattr(pix2pix_tf, name)
        if not inspect.isclass(thing):
            yield name, thing
            continue
        for method, function in vars(thing).items():
            if inspect.isfunction(function) and (method == "__call__" or method[0] != "_"):
                yield f"{name}.{method}", function


CALLABLES = dict(public_callables())


def sections(thing):
    text = inspect.getdoc(thing) or ""
    return {line[:-1] for line in text.splitlines() if line[:1].isupper() and line[-1] == ":"}


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("name", NAMES)
def test_has_an_example_that_runs(name):
    text = inspect.getdoc(getattr(pix2pix_tf, name)) or ""
    assert "\nExample:\n    >>> " in text


@pytest.mark.parametrize("name", CALLABLES)
def test_has_the_sections_that_its_signature_asks_for(name):
    function = CALLABLES[name]
    needed = {"Args"} if parameters(function) else set()
    if inspect.signature(function).return_annotation not in ("None", None):
        needed.add("Returns")
    if name in NAMES:  # each function reads files or a config, which may be unusable
        needed.add("Raises")
    assert needed <= sections(function)


@pytest.mark.parametrize("name", CALLABLES)
def test_every_parameter_is_described(name):
    text = inspect.getdoc(CALLABLES[name]) or ""
    described = [
        parameter for parameter in parameters(CALLABLES[name]) if f"\n    {parameter}: " in text
    ]
    assert described == parameters(CALLABLES[name])
