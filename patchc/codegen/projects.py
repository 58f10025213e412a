"""OUT as a part of a project of some ecosystem: what each of them expects, as data.

The component is the same in all of them (`places.py`): sources, the header, an example. What is
added is the file by which the ecosystem's tools find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from patchc.choices import Project
from patchc.codegen.places import INCLUDE, SOURCES
from patchc.targets.cores import core

_ARM, _RISCV = "arm", "riscv"


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """What the tools of a kind of project look for."""

    title: str
    # Template in templates/projects -> path in OUT, where {name} is the network's. One that is
    # there without a project, too, takes its place.
    files: Mapping[str, str]
    families: tuple[str, ...] = (_ARM, _RISCV)  # of toolchains, whose cores it is for
    headers: str = INCLUDE  # the folder of NAME.h: one that is looked into
    # Do its tools compile some files with flags of their own, as those of CMSIS-NN need?
    flags_per_file: bool = True


ECOSYSTEMS: dict[Project, Ecosystem] = {
    Project.CMAKE: Ecosystem(
        "CMake",
        {
            "cmake_lists.j2": "CMakeLists.txt",
            "cmake_presets.j2": "CMakePresets.json",
            "cmake_toolchain.j2": "cmake/toolchain.cmake",
        },
    ),
    Project.ARDUINO: Ecosystem(
        "Arduino",
        {
            "arduino_properties.j2": "library.properties",
            "arduino_sketch.j2": "examples/{name}/{name}.ino",
        },
        headers=SOURCES,
        flags_per_file=False,
    ),
    Project.PLATFORMIO: Ecosystem(
        "PlatformIO", {"platformio_library.j2": "library.json"}, flags_per_file=False
    ),
    Project.ZEPHYR: Ecosystem(
        "Zephyr",
        {
            "zephyr_module.j2": "zephyr/module.yml",
            "zephyr_cmake.j2": "zephyr/CMakeLists.txt",
            "zephyr_kconfig.j2": "zephyr/Kconfig",
        },
    ),
    Project.ESP_IDF: Ecosystem(
        "ESP-IDF",
        {"esp_idf_cmake.j2": "CMakeLists.txt", "esp_idf_component.j2": "idf_component.yml"},
        families=(_RISCV,),
    ),
    Project.STM32CUBE: Ecosystem("STM32Cube", {"stm32cube_make.j2": "{name}.mk"}, families=(_ARM,)),
    Project.CMSIS_PACK: Ecosystem(
        "CMSIS-Pack",
        {"cmsis_pack.j2": "patchc.{name}.pdsc"},
        families=(_ARM,),
        flags_per_file=False,
    ),
}


def headers_folder(project: Project | None) -> str:
    """Where in OUT firmware finds NAME.h."""
    return INCLUDE if project is None else ECOSYSTEMS[project].headers


def project_files(
    render: Callable[[str, Mapping[str, object]], str],
    facts: Mapping[str, object],
    project: Project,
    name: str,
    target: str,
) -> dict[str, str]:
    """Path in OUT -> text. `facts` are those of the other templates."""
    chosen = core(target)
    number = chosen.name.removeprefix("cortex-m").replace("plus", "+")
    known = {
        **facts,
        "core": chosen,
        "pack_core": f"Cortex-M{number}",  # as packs name it
    }
    return {
        path.format(name=name): render(f"projects/{template}", known)
        for template, path in ECOSYSTEMS[project].files.items()
    }
