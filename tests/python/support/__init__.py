"""What tests of the package have in common."""


def raises(kind, words, function, *arguments, **options):
    """`function` raises this, and says so."""
    try:
        function(*arguments, **options)
    except kind as error:
        assert words in str(error), f"'{words}' is not in '{error}'"
    else:
        raise AssertionError(f"no {kind.__name__}: {words}")
