"""Builds many emitted models into one program of this machine: one run of the compiler instead of hundreds.

Which of the models runs depends on the name under which the program is started, so each gets a link of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tinyts_mlir.lowering.runtime_files import runtime_directory
from tinyts_mlir.toolchain.compilers import WARNING_FLAGS, host_compiler
from tinyts_mlir.toolchain.model_interface import ModelInterface
from tinyts_mlir.toolchain.programs import HostProgram

SANITIZERS = ("-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

MODELS_A_SOURCE = 50
"""Models that are compiled together; the more, the fewer runs of the compiler, but the less at once."""

MAIN = """/* Runs the port's main function on the model that the program is called after. */
#include "host/model.h"

#include <stdio.h>
#include <string.h>

{declarations}
static const struct {{ const char *name; const port_model *model; }} models[] = {{
{rows}}};

extern const port_model *port_selected;
const port_model *port_selected;
int port_main(int argc, char **argv);

int main(int argc, char **argv) {{
  const char *slash = strrchr(argv[0], '/');
  const char *name = slash == NULL ? argv[0] : slash + 1;
  for (size_t i = 0; i < sizeof models / sizeof models[0]; ++i) {{
    if (strcmp(models[i].name, name) == 0) {{
      port_selected = models[i].model;
      return port_main(argc, argv);
    }}
  }}
  (void)fprintf(stderr, "no model is called %s\\n", name);
  return 1;
}}
"""


def build_host_batch(
    models: Mapping[str, Mapping[str, str]], directory: Path, flags: Sequence[str] = SANITIZERS
) -> dict[str, HostProgram]:
    """Builds models (name to emitted files) in `directory`; gives a program for each."""
    interfaces = {name: ModelInterface.from_header(name, files[f"{name}.h"]) for name, files in models.items()}
    directory.mkdir(parents=True, exist_ok=True)
    sources: set[Path] = set()
    for name, files in models.items():
        for file, content in files.items():
            path = directory / file
            if file.startswith(("src/", "tinyts/")):  # the runtime: the same for all
                if file.endswith(".c"):
                    sources.add(path)
                if path.exists():
                    continue
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        (directory / f"{name}_port.c").write_text(interfaces[name].host_source(f"{name}_port"))

    names = list(models)
    for start in range(0, len(names), MODELS_A_SOURCE):
        parts = [
            f'#include "{name}{suffix}.c"'
            for name in names[start : start + MODELS_A_SOURCE]
            for suffix in ("_weights", "", "_port")
        ]
        path = directory / f"models_{start}.c"
        path.write_text("\n".join(parts) + "\n")
        sources.add(path)
    main = directory / "main.c"
    main.write_text(
        MAIN.format(
            declarations="".join(f"extern const port_model {name}_port;\n" for name in names),
            rows="".join(f'  {{"{name}", &{name}_port}},\n' for name in names),
        )
    )
    sources.add(main)

    compiler = host_compiler()
    port = runtime_directory() / "ports" / "host"
    all_flags = [*WARNING_FLAGS, *flags]
    objects = {source: source.with_suffix(".o") for source in sorted(sources)}
    compiler.compile(objects, [directory, port.parent], all_flags)
    port_object = directory / "port_main.o"
    renames = ["-Dmain=port_main", "-Dport_the_model=(*port_selected)", "-Wno-missing-prototypes"]
    compiler.compile({port / "main.c": port_object}, [directory, port.parent], [*all_flags, *renames])
    executable = directory / "models.exe"
    compiler.link([*objects.values(), port_object], executable, flags)

    programs: dict[str, HostProgram] = {}
    version = compiler.version()
    (directory / "programs").mkdir(exist_ok=True)
    for name, interface in interfaces.items():
        link = directory / "programs" / name
        link.unlink(missing_ok=True)
        link.symlink_to(executable)
        programs[name] = HostProgram(interface, link, version)
    return programs
