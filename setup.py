"""Builds every ``ext/gilscope/a/b.pyx`` as ``gilscope.a.b``; everything else about the project is in pyproject.toml.

``GILSCOPE_ISA=native`` (default) compiles for this machine's full instruction set, as Numba does. ``portable`` (wheels)
compiles for any machine of the architecture and, on x86-64, every kernel a second time for AVX2 (``_cy_v3``,
``_cy_omp_v3``); which one runs is decided when it is imported (``gilscope.core.targets``). Whole modules, because
what would choose between functions (``target_clones``) needs a loader with indirect functions: musl has none.

``GILSCOPE_URL``, the address of the repository, is set where releases are built: README.md's links, which are relative
in the tree, then work on the page of the package index too.
"""

import os
import platform
import re
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext as _build_ext

ROOT = Path("ext")
TARGET = os.environ.get("_PYTHON_HOST_PLATFORM", platform.machine()).lower()  # set where it is cross-compiled
X86_64 = TARGET.endswith(("x86_64", "amd64"))
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "freethreading_compatible": True,
    "subinterpreters_compatible": "own_gil",
}
PER_INTERPRETER = (  # what a module keeps is each interpreter's own; a static type freed twice ends the process
    "CYTHON_USE_MODULE_STATE",
    "CYTHON_USE_TYPE_SPECS",
)


# What isa.h asks the CPU for before a twin is used, and no more; -march=x86-64-v3 would be more, and needs GCC 11.
V3_FLAGS = ["-mavx2", "-mfma", "-mbmi", "-mbmi2"]


# Tuned for no CPU in particular, as wheels are: for a Zen 3 GCC 12 reads an operand of every FMA from memory.
NATIVE = ["-march=native", "-mtune=generic"] if X86_64 else ["-mcpu=native"]


def isa_flags(module: str) -> list[str]:
    """Flags of the instruction set a module is compiled for (not MSVC, which has no native mode)."""
    if module.endswith("_v3"):
        return V3_FLAGS
    if module.endswith("._roof") and X86_64:  # has a function for each width of vectors
        return []
    choice = os.environ.get("GILSCOPE_ISA", "native")
    if choice not in ("native", "portable"):
        raise SystemExit(f"GILSCOPE_ISA={choice!r}: write native or portable")
    return [] if choice == "portable" else NATIVE


def optimize_flag() -> str:
    """``GILSCOPE_OPTIMIZE=1`` builds quickly, for tests of what the code does and not of how fast."""
    level = os.environ.get("GILSCOPE_OPTIMIZE", "3")
    if level not in ("0", "1", "2", "3"):
        raise SystemExit(f"GILSCOPE_OPTIMIZE={level!r}: write 0, 1, 2 or 3")
    return f"-O{level}"


def openmp_flags(msvc: bool) -> tuple[list[str], list[str]]:
    """Compile and link flags for OpenMP."""
    if msvc:
        return ["/openmp"], []
    if sys.platform == "darwin":  # Apple's clang has the pragmas, but no runtime of its own
        return ["-Xpreprocessor", "-fopenmp"], ["-lomp"]
    return ["-fopenmp"], ["-fopenmp"]


def is_optional(module: str) -> bool:
    """Whether the rest is installed when this one does not compile; what needs it is then n/a, with the reason."""
    if module.endswith("._gilprobe"):  # reads CPython's own structures: a version nobody has seen may have moved them
        return True
    return "_omp" in module and sys.platform != "linux"  # Linux compilers have OpenMP


def description(url: str) -> str:
    """README.md, with its relative links made absolute if the address of the repository is known."""
    text = Path("README.md").read_text(encoding="utf-8")
    places = {"": "blob", "!": "raw"}  # GitHub's page of a file, and the file itself, which a picture needs
    return re.sub(
        r"(!?)(\[[^]]*\])\((?!https?:|#)([^)]+)\)",
        lambda link: f"{link[1]}{link[2]}({url}/{places[link[1]]}/HEAD/{link[3]})" if url else link[0],
        text,
    )


def extension(source: Path, module: str) -> Extension:
    """One extension; its headers are listed, so that the sdist keeps them and a change rebuilds it."""
    headers = [*ROOT.glob("gilscope/include/*"), *source.parent.glob("*.pxd"), *source.parent.glob("*.h")]
    return Extension(
        module,
        [source.as_posix()],
        include_dirs=["ext/gilscope/include"],
        define_macros=[(name, "1") for name in PER_INTERPRETER],
        depends=sorted(path.as_posix() for path in headers),
        optional=is_optional(module),
    )


def extensions() -> list[Extension]:
    """All extensions, named by their paths."""
    sources = sorted(ROOT.rglob("*.pyx"))
    return [extension(source, ".".join(source.relative_to(ROOT).with_suffix("").parts)) for source in sources]


def twins(originals: list[Extension]) -> list[Extension]:
    """The kernels once more, for x86-64-v3: copies under other names, because Cython names its output by the source."""
    made = []
    for original in originals:
        source = Path(original.sources[0])
        if source.name in ("_cy.pyx", "_cy_omp.pyx"):
            copy = Path("build/isa", source.relative_to(ROOT)).with_stem(f"{source.stem}_v3")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
            twin = extension(copy, f"{original.name}_v3")
            twin.depends = original.depends
            made.append(twin)
    return made


class build_ext(_build_ext):  # noqa: N801  (the name setuptools expects)
    """Cythonize all sources in parallel, then compile them in parallel with our flags."""

    def finalize_options(self):
        wanted = extensions()
        # Not on Windows, where isa.h cannot ask the CPU. A build for another architecture (ARCHFLAGS) has no twins.
        here = X86_64 and sys.platform != "win32" and "arm64" not in os.environ.get("ARCHFLAGS", "")
        if os.environ.get("GILSCOPE_ISA") == "portable" and here:
            wanted += twins(wanted)
        self.distribution.ext_modules = wanted
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self):
        from Cython.Build import cythonize  # only where something is built: an sdist needs no Cython

        generated = cythonize(
            [Extension(ext.name, list(ext.sources)) for ext in self.extensions],
            include_path=["ext", "ext/gilscope/include"],  # "include" is a keyword: its files are cimported by name
            build_dir="build/cython",
            nthreads=0 if sys.platform == "win32" else self.parallel,
            compiler_directives=DIRECTIVES,
        )
        sources = {ext.name: ext.sources for ext in generated}
        for ext in self.extensions:
            ext.sources = sources[ext.name]
        super().run()

    def build_extension(self, ext):
        msvc = self.compiler.compiler_type == "msvc"
        flags = [optimize_flag(), "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
        flags += ["-falign-loops=64"]  # one of six instructions is 1.4 times slower across two lines of the cache
        flags += isa_flags(ext.name)
        compile_omp, link_omp = openmp_flags(msvc) if "_omp" in ext.name else ([], [])
        ext.extra_compile_args = (["/O2", "/fp:precise"] if msvc else flags) + compile_omp
        ext.extra_link_args = link_omp
        super().build_extension(ext)

    def copy_file(self, infile, outfile, *args, **options):
        """Bring a library into the tree under another name first: whoever runs the old one keeps its file."""
        temporary = f"{outfile}.{os.getpid()}.new"
        super().copy_file(infile, temporary, *args, **options)
        os.replace(temporary, outfile)
        return outfile, True


URL = os.environ.get("GILSCOPE_URL", "").rstrip("/")
setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": build_ext},
    long_description=description(URL),
    long_description_content_type="text/markdown",
    project_urls={"Source": URL, "Documentation": f"{URL}/tree/HEAD/docs", "Issues": f"{URL}/issues"} if URL else {},
)
