"""C identifiers from ONNX names, and text that is safe inside a C comment."""

from __future__ import annotations

import re

# Keywords of C99 and of C++ (the header is read by both), and what compilers predefine.
_C_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit
    export extern false float for friend goto if inline int long mutable namespace new noexcept not
    not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor xor_eq linux unix
"""
C_WORDS = frozenset(_C_WORDS.split())

# Macros in lower case, and functions, of the standard headers that the emitted C may stand beside:
# a parameter of that name would hide them. Macros in upper case and types in _t are many: they are
# known by their form.
_STANDARD = """
    abort abs assert atexit bool calloc clock close complex difftime errno exit fclose feof ferror
    fflush fgetc fgets fopen fprintf fputc fputs fread free fseek ftell fwrite getc getchar getenv
    imaginary isfinite isinf isnan isnormal log main malloc math_errhandling memchr memcmp memcpy
    memmove memset offsetof perror printf putc putchar puts qsort rand read realloc remove rename
    setjmp signal signbit snprintf sprintf srand stderr stdin stdout strcat strchr strcmp strcpy
    strlen strncmp strncpy strtod strtol strtoul system time ungetc va_arg va_copy va_end va_start
    vprintf write
"""
STANDARD = frozenset(_STANDARD.split())

# Prefixes of files that a compiler would find in the place of its own header.
_HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads
    time uchar unistd wchar wctype
"""
HEADERS = frozenset(_HEADERS.split())

# Longer stems only make lines longer; a number keeps apart what collides.
MAX_STEM = 32


class Names:
    """Gives each text an identifier of its own, in the order of asking."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def identifier(self, text: str) -> str:
        """An identifier that starts with a letter, unlike every one given before."""
        stem = _ending(re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_"))
        if not stem or stem[0].isdigit() or _is_taken(stem):
            stem = f"t_{stem}" if stem else "t"
        name, number = stem, 2
        while name in self._taken:
            name, number = f"{stem}_{number}", number + 1
        self._taken.add(name)
        return name


def _is_taken(stem: str) -> bool:
    """Whether C, its headers or a macro may have this name."""
    macro = len(stem) > 1 and stem == stem.upper()
    return macro or stem.endswith("_t") or stem in C_WORDS or stem in STANDARD


def file_prefix(name: str) -> str:
    """`name`, or another where NAME.h would hide a header of C."""
    return f"{name}_net" if name.lower() in HEADERS else name


def _ending(stem: str) -> str:
    """The last words of a long name: ONNX names tell more at their end."""
    if len(stem) <= MAX_STEM:
        return stem
    cut = stem[-MAX_STEM:]
    _, _, words = cut.partition("_")
    return words or cut


def comment_text(text: str) -> str:
    """`text` on one line that neither ends a C comment nor holds a trigraph."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
