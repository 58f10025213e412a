"""C identifiers and file names from ONNX names, and text that is safe inside a C comment."""

from __future__ import annotations

import re

# Keywords of C (up to C23) and of C++ (the header is read by both), what compilers predefine, and
# the macros in lower case of the standard headers and of windows.h.
_C_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit
    export extern false float for friend goto if inline int long mutable namespace new noexcept not
    not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict
    return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename union unsigned using virtual void volatile
    wchar_t while xor xor_eq linux unix
    char8_t char16_t char32_t concept consteval constinit co_await co_return co_yield requires
    typeof typeof_unqual i386 arm mips sparc sun vax
    assert complex errno imaginary noreturn offsetof signbit stderr stdin stdout
    far interface near small
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

# Headers of the C library, of POSIX, newlib, Windows and Arm's packs. A network's header of the
# same name would be found in their place, as OUT is among the folders that are searched.
_HEADERS = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
    stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath
    threads time uchar wchar wctype
    aio alloca ar byteswap cpio dirent dlfcn elf endian envz error execinfo fcntl features fmtmsg
    fnmatch fts ftw getopt glob grp iconv ifaddrs langinfo libgen libintl link malloc memory mntent
    monetary mqueue ndbm netdb newlib nl_types obstack paths poll printf pthread pty pwd reent regex
    regexp resolv sched search semaphore spawn stab stdint_gcc strings stropts syscall sysexits
    syslog tar termio termios thread_db trace tzfile ucontext ulimit unctrl unistd unwind utime utmp
    utmpx values wait wordexp xlocale
    conio direct dos intrin io malloc mem process share windows windef winbase
    arm_acle arm_bf16 arm_cde arm_cmse arm_fp16 arm_math arm_math_types arm_mve arm_mve_types
    arm_neon arm_nn_math_types arm_nn_tables arm_nn_types arm_nnfunctions arm_nnsupportfunctions
    arm_sve cmsis_armcc cmsis_armclang cmsis_compiler cmsis_gcc cmsis_iccarm cmsis_version
    core_cm0 core_cm0plus core_cm3 core_cm33 core_cm4 core_cm55 core_cm7 core_cm85 mpu_armv7
    mpu_armv8 pmu_armv8 cachel1_armv7
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
        if not stem or stem[0].isdigit() or _means_something(stem):
            stem = f"t_{stem}" if stem else "t"
        name, number = stem, 2
        while name in self._taken:
            name, number = f"{stem}_{number}", number + 1
        self._taken.add(name)
        return name


def file_stem(name: str) -> str:
    """`name` as the name of a header, unlike those that a compiler brings, whatever the case."""
    return f"net_{name}" if name.lower() in HEADERS else name


def _means_something(stem: str) -> bool:
    """Whether C has the word: a keyword, a type's ending, or, in capitals, what may be a macro of
    any header that is read with the network's: NULL, INT8_MAX, EOF, GPIOA."""
    capitals = len(stem) > 1 and stem.upper() == stem
    macro = capitals or stem == "I" or re.match(r"(PRI|SCN)[a-zA-Z]", stem) is not None
    return macro or stem in C_WORDS or stem in STANDARD or stem.endswith("_t")


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


def string_literals(text: str, columns: int) -> list[str]:
    """`text` in UTF-8 as C strings that follow each other, each of at most `columns` characters;
    nothing in them looks like a comment or a trigraph."""
    pieces = [""]
    for byte in text.encode():
        char = chr(byte)
        plain = char.isascii() and char.isprintable() and char not in '"\\?*'
        escaped = char if plain else f"\\{byte:03o}"
        if len(pieces[-1]) + len(escaped) + len('""') > columns:
            pieces.append("")
        pieces[-1] += escaped
    return [f'"{piece}"' for piece in pieces]
