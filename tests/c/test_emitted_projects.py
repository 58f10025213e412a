"""OUT in projects of ecosystems: what their tools read, and, where those are not here, stand-ins
for them that do the same with it. Two networks are linked into one program in each."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import patchc
from patchc.choices import Project, RuntimeMode, WeightsMode
from patchc.codegen import emit
from patchc.codegen.projects import ECOSYSTEMS
from patchc.kernel_options import KernelOptions
from patchc.outdir import write_files
from patchc.plan.types import InputMode
from patchc.resources import runtime_dir
from patchc.schedule.lower import lower
from patchc.targets.cores import CORES, core
from tests.c.emitted import (
    GOLDEN,
    bottlenecks,
    classifier,
    layerwise,
    options,
    placed,
    smallest,
)
from tests.c.flavour_plans import classifier as classifier_of
from tests.c.flavour_plans import layers_plan
from tests.cmsis_nn import library, library_first, proved
from tests.onnx_float import quantized_cnn
from tests.tools import require_tool

WARNINGS = ("-Wall", "-Wextra", "-Werror")
M4 = ("-mcpu=cortex-m4", "-mthumb")
ARM_GCC, ARM_GXX = "arm-none-eabi-gcc", "arm-none-eabi-g++"
NAMES = ("first", "second")

BOTH = """#include "first.h"
#include "second.h"

static int32_t arena[(FIRST_ARENA_BYTES + SECOND_ARENA_BYTES) / 4 + 1];

int main(void)
{
    return first_run(arena, 0, 0) != FIRST_ERR_NULL || second_run(arena, 0, 0) != SECOND_ERR_NULL;
}
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    words = [require_tool(str(command[0])), *map(str, command[1:])]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def emitted(
    folder: Path, project: Project, target: str = "cortex-m4", runtime=RuntimeMode.PRIVATE
) -> tuple[Path, ...]:
    """Two networks that have kernels in common, in a folder with a program around them."""
    schedules = (
        layerwise(classifier(), InputMode.TILES),
        smallest(bottlenecks(), InputMode.STREAM),
    )
    for name, schedule in zip(NAMES, schedules, strict=True):
        chosen = replace(options(name=name), project=project, target=target, runtime=runtime)
        write_files(folder / name, emit(*placed(schedule), chosen))
    (folder / "main.c").write_text(BOTH)
    return tuple(folder / name for name in NAMES)


def with_library(folder: Path, project: Project) -> Path:
    """A network whose layers CMSIS-NN computes."""
    machine, graph = library_first(core("cortex-m4")), proved(classifier_of(4))
    schedule = lower(graph, layers_plan(graph, machine), machine.registry)
    chosen = replace(options(name="net"), project=project, cmsis_nn=library())
    write_files(folder / "net", emit(*placed(schedule), chosen))
    (folder / "main.c").write_text(
        '#include "net.h"\n\nstatic int32_t arena[NET_ARENA_BYTES / 4 + 1];\n\n'
        "int main(void)\n{\n    return net_run(arena, 0, 0) != NET_ERR_NULL;\n}\n"
    )
    return folder / "net"


def compiled(
    sources: list[Path], includes: list[Path], objects: Path, compiler: tuple[str, ...]
) -> list[Path]:
    """Each in turn, as build systems do."""
    objects.mkdir(parents=True)
    flags = [f"-I{include}" for include in includes]
    run(*compiler, *WARNINGS, "-O1", "-c", *flags, *sources, cwd=objects)
    return sorted(objects.glob("*.o"))


def linked(folder: Path, objects: list[Path], includes: list[Path]) -> None:
    flags = [f"-I{include}" for include in includes]
    program = folder / "program.elf"
    run(ARM_GCC, *M4, "--specs=rdimon.specs", *flags, folder / "main.c", *objects, "-o", program)


def cmake(folder: Path, text: str, *settings: str) -> Path:
    """Configures and builds a project whose CMakeLists.txt is `text`."""
    (folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.13)\n" + text)
    run("cmake", "-S", folder, "-B", folder / "b", *settings)
    run("cmake", "--build", folder / "b")
    return folder / "b"


ARM_CMAKE = """
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_STANDARD 99)
"""


def test_every_kind_has_its_files_and_no_two_the_same():
    assert set(ECOSYSTEMS) == set(Project)
    for ecosystem in ECOSYSTEMS.values():
        assert set(ecosystem.families) <= {one.toolchain.family for one in CORES.values()}
        assert ecosystem.files


@pytest.mark.parametrize("project", Project, ids=lambda project: project.value)
def test_files_of_a_project_say_their_licence(project: Project):
    schedule = layerwise(classifier(), InputMode.TILES)
    plain = emit(*placed(schedule), options())
    files = emit(*placed(schedule), replace(options(), project=project))
    for template, path in ECOSYSTEMS[project].files.items():
        text = files[path.format(name="net")]
        assert isinstance(text, str), template
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert not re.search(r"[ \t]$", text, re.MULTILINE), template
        assert "\n\n\n" not in text, template
        if path != "CMakePresets.json":
            assert "Apache-2.0 OR 0BSD" in text[:1000], template
    moved = {
        path.replace("include/net.h", f"{ECOSYSTEMS[project].headers}/net.h") for path in plain
    }
    more = {path.format(name="net") for path in ECOSYSTEMS[project].files.values()}
    assert set(files) == moved | more


def test_cmake(tmp_path: Path):
    """By the toolchain file, by the preset for this machine, and as a part of another project."""
    first, second = emitted(tmp_path, Project.CMAKE)
    require_tool(ARM_GCC)
    text = "project(both C)\nadd_subdirectory(first)\nadd_subdirectory(second)\n"
    text += "add_executable(both main.c)\ntarget_link_libraries(both first::first second::second)\n"
    text += "target_link_options(both PRIVATE --specs=rdimon.specs)\n"
    built = cmake(tmp_path, text, f"-DCMAKE_TOOLCHAIN_FILE={first}/cmake/toolchain.cmake")
    assert 'CPU_name: "7E-M"' in run("arm-none-eabi-readelf", "-A", built / "both").replace(
        "Tag_CPU_name", "CPU_name"
    )
    presets = json.loads((second / "CMakePresets.json").read_text())
    names = [preset["name"] for preset in presets["configurePresets"]]
    assert names == ["host", "cortex-m4"] == [one["name"] for one in presets["buildPresets"]]
    for name in names:
        run("cmake", "--preset", name, cwd=second)
        run("cmake", "--build", "--preset", name, cwd=second)
        assert (second / "build" / f"cmake-{name}" / "libsecond.a").is_file()
    run("cmake", "--build", "--preset", "host", "--target", "second_example", cwd=second)
    assert "largest of 10 values" in run(second / "build" / "cmake-host" / "second_example")


ARDUINO_H = """#include <stdint.h>
#include <stdio.h>

struct SerialPort {
    void begin(long) {}
    template <class T> void print(T value) { out(value); }
    template <class T> void println(T value) { out(value); puts(""); }
    void out(const char *text) { printf("%s", text); }
    template <class T> void out(T value) { printf("%g", (double)value); }
};
static SerialPort Serial;
static unsigned long micros() { return 7; }
static void delay(unsigned long) {}
"""


def sketch(out: Path, folder: Path) -> Path:
    """The example, with what the IDE puts around it."""
    (found,) = (out / "examples").rglob("*.ino")
    assert found.parent.name == found.stem  # as the IDE asks for
    (folder / "Arduino.h").write_text(ARDUINO_H)
    program = folder / f"{found.stem}.cpp"
    shutil.copy(found, program)
    return program


def test_arduino(tmp_path: Path):
    outs = emitted(tmp_path, Project.ARDUINO)
    includes, objects = [out / "src" for out in outs], []
    for out in outs:
        lines = (out / "library.properties").read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        assert found["name"] == out.name
        assert found["includes"] == f"{out.name}.h"
        assert found["architectures"] == "*"
        assert found["category"] == "Data Processing"
        assert re.fullmatch(r"\d+\.\d+\.\d+", found["version"])
        assert {"author", "maintainer", "sentence", "paragraph", "url"} < set(found)
        sources = sorted((out / "src").rglob("*.c"))
        objects += compiled(sources, includes, tmp_path / f"o-{out.name}", (ARM_GCC, *M4))
    program = sketch(outs[0], tmp_path)
    compiler = (ARM_GXX, *M4, "-include", str(tmp_path / "Arduino.h"))
    compiled([program], includes, tmp_path / "o-sketch", compiler)
    linked(tmp_path, objects, includes)


@pytest.mark.parametrize(
    "name",
    [
        "classifier_tiles",
        "dense_over_a_map_resident",
        "grouped_extern_weights",
        "logits_in_a_tunnel",
        "pools_extern",
        "rows_in_two_stripes",
        "two_in_two_out_stream",
    ],
)
def test_the_sketch_of_each_interface_runs(name: str, tmp_path: Path):
    """Where weights lie at an address of a board, it compiles."""
    chosen = replace(options(), project=Project.ARDUINO, weights=GOLDEN[name].weights)
    write_files(tmp_path, emit(*placed(GOLDEN[name].schedule()), chosen))
    program = sketch(tmp_path, tmp_path)
    program.write_text(program.read_text() + "\nint main() { setup(); loop(); return 0; }\n")
    sources = sorted((tmp_path / "src").glob("*.c"))
    run("gcc", "-std=c99", "-c", *sources, cwd=tmp_path)
    compiler = ("g++", *WARNINGS, f"-I{tmp_path / 'src'}", "-include", tmp_path / "Arduino.h")
    run(*compiler, program, *tmp_path.glob("*.o"), "-o", tmp_path / "run")
    if GOLDEN[name].weights is WeightsMode.INLINE:
        lines = run(tmp_path / "run").splitlines()
        assert "0 after us: 0" in lines
        assert len(lines) > 1


@pytest.mark.parametrize("project", [Project.ARDUINO, Project.ESP_IDF])
def test_out_of_a_project_is_verified_as_any_other(project: Project, tmp_path: Path):
    """With its header elsewhere, or another CMakeLists.txt; and it says what made it."""
    model, out = quantized_cnn(tmp_path / "tiny.onnx"), tmp_path / "out"
    target = "esp32c3" if project is Project.ESP_IDF else "nrf52840"
    patchc.compile(model, out, target=target, project=project.value)
    assert patchc.verify(out, cases=2).passed
    run("make", "-C", out, "test", "example")
    headers = out / ECOSYSTEMS[project].headers
    assert f"--project {project.value}" in " ".join(
        line.strip(" *") for line in (headers / "tiny.h").read_text().splitlines()
    )
    text = (out / "README.md").read_text()
    assert {"arduino": "`libraries/`", "esp-idf": "`components/`"}[project.value] in text
    run("cmake", "-S", out, "-B", tmp_path / "b")
    run("cmake", "--build", tmp_path / "b")
    assert (tmp_path / "b" / "libtiny.a").is_file()


def test_firmware_of_a_project_builds(tmp_path: Path):
    """The test image, whose harness includes NAME.h."""
    out, _ = emitted(tmp_path, Project.ARDUINO)
    require_tool(ARM_GCC)
    run("make", "-C", out / "test" / "firmware", "CORE=cortex-m4")


def test_platformio(tmp_path: Path):
    outs = emitted(tmp_path, Project.PLATFORMIO)
    includes, objects = [], []
    for out in outs:
        found = json.loads((out / "library.json").read_text())
        assert found["name"] == out.name
        assert found["version"] == "1.2.3"
        assert found["headers"] == f"{out.name}.h"
        assert found["license"] == "Apache-2.0 OR 0BSD"
        assert found["platforms"] == found["frameworks"] == "*"
        build = found["build"]
        assert set(build) == {"srcDir", "includeDir"}
        # The library itself is compiled with both, the program sees both, too.
        includes += [out / build["includeDir"], out / build["srcDir"]]
    for out in outs:
        sources = sorted((out / "src").rglob("*.c"))
        objects += compiled(sources, includes, tmp_path / f"o-{out.name}", (ARM_GCC, *M4))
    linked(tmp_path, objects, includes)


# What zephyr/cmake/modules/extensions.cmake makes of these names, in short.
ZEPHYR_CMAKE = """
add_library(zephyr_interface INTERFACE)
target_compile_options(zephyr_interface INTERFACE -mcpu=cortex-m4 -mthumb -Os -Wall -Werror)
macro(zephyr_library_named name)
    set(ZEPHYR_CURRENT_LIBRARY ${name})
    add_library(${name} STATIC "")
    set_property(GLOBAL APPEND PROPERTY ZEPHYR_LIBS ${name})
    target_link_libraries(${name} PUBLIC zephyr_interface)
endmacro()
function(zephyr_library_sources source)
    target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${source} ${ARGN})
endfunction()
function(zephyr_include_directories)
    target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()
function(zephyr_module path)
    file(STRINGS ${path}/zephyr/module.yml cmake REGEX "^  cmake:")
    string(REPLACE "  cmake: " "" cmake "${cmake}")
    get_filename_component(name ${path} NAME)
    add_subdirectory(${path}/${cmake} modules/${name})
endfunction()
"""
ZEPHYR_APP = """
get_property(libraries GLOBAL PROPERTY ZEPHYR_LIBS)
add_executable(app main.c)
target_link_libraries(app -Wl,--whole-archive ${libraries} -Wl,--no-whole-archive)
target_link_libraries(app zephyr_interface -mcpu=cortex-m4 -mthumb --specs=rdimon.specs)
"""


def test_zephyr(tmp_path: Path):
    outs = emitted(tmp_path, Project.ZEPHYR)
    require_tool(ARM_GCC)
    for out in outs:
        lines = (out / "zephyr" / "module.yml").read_text().splitlines()
        wanted = [f"name: {out.name}", "build:", "  cmake: zephyr", "  kconfig: zephyr/Kconfig"]
        assert [line for line in lines if not line.startswith("#")] == wanted
        kconfig = (out / "zephyr" / "Kconfig").read_text()
        assert re.findall(r"^config (\w+)$\n^\tbool \"", kconfig, re.MULTILINE) == [
            f"PATCHC_{out.name.upper()}"
        ]
        assert re.search(r"^\thelp$(\n^\t  .*$)+\n?\Z", kconfig, re.MULTILINE)
    text = "project(app C)\n" + ZEPHYR_CMAKE
    text += "set(CONFIG_PATCHC_FIRST y)\nset(CONFIG_PATCHC_SECOND y)\n"
    text += f"zephyr_module({outs[0]})\nzephyr_module({outs[1]})\n{ZEPHYR_APP}"
    (tmp_path / "arm.cmake").write_text(ARM_CMAKE)
    built = cmake(tmp_path, text, f"-DCMAKE_TOOLCHAIN_FILE={tmp_path / 'arm.cmake'}")
    attributes = run("arm-none-eabi-readelf", "-A", built / "modules/first/libpatchc_first.a")
    assert 'Tag_CPU_name: "7E-M"' in attributes  # the flags of zephyr_interface


def test_a_module_of_zephyr_that_is_not_chosen_adds_nothing(tmp_path: Path):
    first, _ = emitted(tmp_path, Project.ZEPHYR)
    text = f"project(app C)\n{ZEPHYR_CMAKE}zephyr_module({first})\n"
    text += "if(TARGET patchc_first)\n    message(FATAL_ERROR there)\nendif()\n"
    cmake(tmp_path, text)


# What esp-idf/tools/cmake makes of a component, in short.
ESP_IDF_CMAKE = """
set(ESP_PLATFORM 1)
macro(idf_component_register)
    cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    get_filename_component(name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    set(COMPONENT_LIB __idf_${name})
    add_library(${COMPONENT_LIB} STATIC ${__SRCS})
    target_include_directories(${COMPONENT_LIB} PUBLIC ${__INCLUDE_DIRS})
    target_compile_options(${COMPONENT_LIB} PRIVATE -Wall -Wextra -Werror -Os)
endmacro()
"""
RISCV_CMAKE = """
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
"""


@pytest.mark.parametrize("march", ["rv32imc", "rv32imac"])
def test_esp_idf(march: str, tmp_path: Path):
    outs = emitted(tmp_path, Project.ESP_IDF, target="rv32imac")
    require_tool("riscv64-unknown-elf-gcc")
    for out in outs:
        lines = (out / "idf_component.yml").read_text().splitlines()
        found = dict(line.split(": ", 1) for line in lines if not line.startswith("#"))
        assert set(found) == {"version", "description", "url", "license"}
        assert found["license"] == '"Apache-2.0 OR 0BSD"'
        assert found["version"] == '"1.2.3"'
    # This machine's compiler for RISC-V comes without a C library.
    platform = runtime_dir() / "platform"
    text = f"project(app C)\n{ESP_IDF_CMAKE}add_subdirectory(first)\nadd_subdirectory(second)\n"
    text += f"add_executable(app main.c {platform}/riscv_string.c)\n"
    text += "target_link_libraries(app __idf_first __idf_second -nostdlib -Wl,-e,main gcc)\n"
    flags = f"-march={march} -mabi=ilp32 -isystem {platform}/riscv_include"
    (tmp_path / "riscv.cmake").write_text(f'{RISCV_CMAKE}set(CMAKE_C_FLAGS_INIT "{flags}")\n')
    built = cmake(tmp_path, text, f"-DCMAKE_TOOLCHAIN_FILE={tmp_path / 'riscv.cmake'}")
    attributes = run("riscv64-unknown-elf-readelf", "-A", built / "first" / "lib__idf_first.a")
    assert ("_a2p" in attributes) == (march == "rv32imac")


# As STM32CubeMX writes one, in short.
CUBE_MAKEFILE = """TARGET = fw
OPT = -Og
BUILD_DIR = build
C_SOURCES = main.c
PREFIX = arm-none-eabi-
CC = $(PREFIX)gcc
MCU = -mcpu=cortex-m4 -mthumb
C_INCLUDES =
CFLAGS += $(MCU) $(C_INCLUDES) $(OPT) -Wall -Werror -fdata-sections -ffunction-sections
CFLAGS += -MMD -MP -MF"$(@:%.o=%.d)"
LIBS = -lc -lm
LIBDIR =
LDFLAGS = $(MCU) --specs=rdimon.specs $(LIBDIR) $(LIBS) -Wl,--gc-sections

all: $(BUILD_DIR)/$(TARGET).elf

OBJECTS = $(addprefix $(BUILD_DIR)/,$(notdir $(C_SOURCES:.c=.o)))

$(BUILD_DIR)/%.o: %.c Makefile | $(BUILD_DIR)
	$(CC) -c $(CFLAGS) $< -o $@

$(BUILD_DIR)/$(TARGET).elf: $(OBJECTS) Makefile
	$(CC) $(OBJECTS) $(LDFLAGS) -o $@

$(BUILD_DIR):
	mkdir $@
"""


def test_stm32cube(tmp_path: Path):
    """A Makefile and a CMake project."""
    outs = emitted(tmp_path, Project.STM32CUBE)
    require_tool(ARM_GCC)
    included = "".join(f"include {out.name}/{out.name}.mk\n" for out in outs)
    (tmp_path / "Makefile").write_text(CUBE_MAKEFILE + included)
    assert "-mcpu=cortex-m4 -mthumb -Ifirst/include -Isecond/include -Og" in run(
        "make", cwd=tmp_path
    )
    assert (tmp_path / "build" / "fw.elf").is_file()
    assert "up to date" in run("make", "build/fw.elf", cwd=tmp_path)
    (outs[0] / "src" / "first.c").touch()
    again = run("make", cwd=tmp_path)
    assert "first.c" in again
    assert "second.c" not in again
    text = "project(fw C)\nadd_executable(${CMAKE_PROJECT_NAME} main.c)\n"
    text += "add_subdirectory(first)\nadd_subdirectory(second)\n"
    text += "target_link_libraries(${CMAKE_PROJECT_NAME} first second)\n"
    flags = 'set(CMAKE_C_FLAGS "-mcpu=cortex-m4 -mthumb --specs=rdimon.specs")\n'
    (tmp_path / "arm.cmake").write_text(ARM_CMAKE + flags)
    cmake(tmp_path, text, f"-DCMAKE_TOOLCHAIN_FILE={tmp_path / 'arm.cmake'}")


# Of PACK.xsd: what an element has inside, in order, and the attributes that are used.
PACK_SHAPE = {
    "package": (
        [
            "vendor",
            "name",
            "description",
            "url",
            "releases",
            "taxonomy",
            "conditions",
            "components",
        ],
        {"schemaVersion"},
    ),
    "releases": (["release"], set()),
    "release": ([], {"version"}),
    "conditions": (["condition"], set()),
    "condition": (["description", "require"], {"id"}),
    "require": ([], {"Dcore"}),
    "components": (["component"], set()),
    "component": (
        ["description", "files"],
        {"Cclass", "Cgroup", "Csub", "Cversion", "condition"},
    ),
}


def test_cmsis_pack(tmp_path: Path):
    outs = emitted(tmp_path, Project.CMSIS_PACK)
    objects, includes = [], []
    for out in outs:
        (path,) = out.glob("*.pdsc")
        package = ElementTree.parse(path).getroot()
        for element in package.iter():
            if element.tag in PACK_SHAPE:
                inside, attributes = PACK_SHAPE[element.tag]
                assert [child.tag for child in element] == inside
                assert {name for name in element.attrib if "}" not in name} == attributes
        texts = {name: package.findtext(name) for name in ("vendor", "name")}
        assert path.name == "{vendor}.{name}.pdsc".format(**texts)
        assert package.find("conditions/condition/require").get("Dcore") == "Cortex-M4"
        files = [(one.get("category"), one.get("name")) for one in package.iter("file")]
        # README.md is there where OUT has a report.
        assert all((out / name).exists() for kind, name in files if kind != "doc")
        folders = [out / name for category, name in files if category == "include"]
        sources = [out / name for category, name in files if category == "source"]
        assert sorted(sources) == sorted((out / "src").glob("*.c"))
        assert ("header", f"include/{out.name}.h") in files
        objects += compiled(sources, folders, tmp_path / f"o-{out.name}", (ARM_GCC, *M4))
        includes += folders
    linked(tmp_path, objects, includes)


# DcoreEnum of PACK.xsd.
PACK_CORES = ["M0", "M0+", "M1", "M23", "M3", "M33", "M35P", "M52", "M55", "M85", "M4", "M7"]


@pytest.mark.parametrize("target", [one.name for one in CORES.values() if "cortex" in one.name])
def test_a_pack_names_the_core_as_packs_do(target: str):
    chosen = replace(options(), project=Project.CMSIS_PACK, target=target)
    text = emit(*placed(layerwise(classifier(), InputMode.TILES)), chosen)["patchc.net.pdsc"]
    (found,) = re.findall(r'Dcore="Cortex-([^"]*)"', str(text))
    assert found in PACK_CORES
    assert found.lower().replace("+", "plus") == target.removeprefix("cortex-")


def test_cmsis_nn_has_its_flags_in_zephyr(tmp_path: Path):
    out = with_library(tmp_path, Project.ZEPHYR)
    require_tool(ARM_GCC)
    text = f"project(app C)\n{ZEPHYR_CMAKE}set(CONFIG_PATCHC_NET y)\nzephyr_module({out})\n"
    (tmp_path / "arm.cmake").write_text(ARM_CMAKE)
    cmake(tmp_path, text + ZEPHYR_APP, f"-DCMAKE_TOOLCHAIN_FILE={tmp_path / 'arm.cmake'}")


def test_cmsis_nn_has_its_flags_in_cmake(tmp_path: Path):
    out = with_library(tmp_path, Project.CMAKE)
    run("cmake", "--preset", "host", cwd=out)
    run("cmake", "--build", "--preset", "host", cwd=out)


def test_cmsis_nn_has_its_flags_in_a_makefile_of_stm32cubemx(tmp_path: Path):
    with_library(tmp_path, Project.STM32CUBE)
    require_tool(ARM_GCC)
    (tmp_path / "Makefile").write_text(CUBE_MAKEFILE + "include net/net.mk\n")
    told = run("make", cwd=tmp_path)
    calls = [line for line in told.splitlines() if "cmsis_nn/Source" in line]
    assert calls
    assert all("-include net/src/patchc_cmsis_nn_port.h" in line for line in calls)
    assert (tmp_path / "build" / "fw.elf").is_file()


def test_shared_networks_link_in_a_project(tmp_path: Path):
    """With one copy of the kernels."""
    outs = emitted(tmp_path, Project.STM32CUBE, runtime=RuntimeMode.SHARED)
    require_tool(ARM_GCC)
    included = "".join(f"include {out.name}/{out.name}.mk\n" for out in outs)
    (tmp_path / "Makefile").write_text(CUBE_MAKEFILE + included)
    run("make", cwd=tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"project": "make"}, "--project 'make': choose one of cmake, arduino, "),
        ({"project": "esp-idf"}, "--project esp-idf is for cores of the family riscv, and cortex-"),
        ({"project": "cmsis-pack", "target": "esp32c3"}, "of the family arm, and rv32imac is none"),
        (
            {"project": "arduino", "kernels": KernelOptions(kernels="cmsis-nn")},
            "--project arduino: CMSIS-NN's files need flags of their own, which Arduino",
        ),
        (
            {"project": "platformio", "kernels": KernelOptions(numerics="cmsis")},
            "leave out the options of CMSIS-NN, or take --kernels patchc",
        ),
        (
            {"project": "cmsis-pack", "kernels": KernelOptions(cmsis_nn_dir="here")},
            "leave out the options of CMSIS-NN",
        ),
    ],
)
def test_what_a_project_has_no_place_for(given: dict, message: str, tmp_path: Path):
    model = quantized_cnn(tmp_path / "tiny.onnx")
    with pytest.raises(patchc.PatchcError, match=re.escape(message)):
        patchc.compile(model, tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()
