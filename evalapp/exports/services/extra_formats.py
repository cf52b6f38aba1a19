"""What other people's tools read as it is: open-metric-learning, pytorch-metric-learning, Hugging Face `datasets`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalapp.exports.domain import export_tables
from evalapp.exports.domain.export_tables import TABLES
from evalapp.exports.domain.table_writers import WRITERS, WrittenFile, describe_file

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Batches = Iterable[pa.RecordBatch]

CARD = "README.md"
_A_MOMENT = (1980, 1, 1, 0, 0, 0)


def write_oml(batches: Batches, folder: Path) -> WrittenFile:
    """`oml.csv`: `pandas.read_csv` gives the data frame that open-metric-learning takes."""
    path = folder / "oml.csv"
    return describe_file("oml", path, WRITERS["csv"](export_tables.OML, batches, path))


def write_index_tuples(batches: Batches, folder: Path) -> WrittenFile:
    """`pml.npz`: the arrays `a1, p, a2, n` of pytorch-metric-learning, rows of `items`, and a weight for each pair.

    (a1, p) are pairs that more people liked than noped, (a2, n) the others; the weight is |dope - nope| over all
    verdicts and one more, between 0 and 1.
    """
    import numpy as np

    columns = [
        [batch.column(place).to_numpy() for place in range(4)] for batch in batches
    ] or [[np.empty(0, np.int64)] * 4]  # fmt: skip
    query, candidate, dope, nope = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    liked, weight = dope > nope, np.abs(dope - nope) / (dope + nope + 1)
    path = folder / "pml.npz"
    _write_npz(
        path,
        a1=query[liked],
        p=candidate[liked],
        weight_p=weight[liked],
        a2=query[~liked],
        n=candidate[~liked],
        weight_n=weight[~liked],
    )
    return describe_file("pml", path)


def write_card(manifest: dict[str, Any], folder: Path) -> WrittenFile:
    """`README.md`: what the data set is, with the header by which `datasets.load_dataset` finds the tables."""
    path = folder / CARD
    path.write_text("\n".join(_card_lines(manifest)) + "\n", encoding="utf-8")
    return describe_file("card", path)


def _write_npz(path: Path, **arrays: NDArray[np.generic]) -> None:
    """An .npz whose bytes depend on the arrays alone: members bear no time of their making."""
    import numpy as np

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _A_MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())


def _single_line(text: str) -> str:
    """Without line breaks: with them a title could begin another document."""
    return " ".join(text.split())


def _card_lines(manifest: dict[str, Any]) -> Iterator[str]:
    study, rows, catalogue = manifest["study"], manifest["rows"], manifest["catalogue"]
    software = manifest["software"]
    yield "---"
    yield f"pretty_name: {json.dumps(study['title'], ensure_ascii=False)}"
    yield "configs:"
    for table in TABLES:
        yield f"- config_name: {table.name}"
        yield f"  data_files: {table.name}.{manifest['format']}"
    yield "---"
    yield f"# {_single_line(study['title'])}"
    yield ""
    question = _single_line(study["question"])
    yield f"People were asked “{question}” about pairs of pictures, without knowing who had proposed them."
    yield f"Catalogue `{catalogue['slug']}`, version {catalogue['version']}; seed {manifest['seed']}."
    yield f"Made by Dope or Nope {software['version']}, commit {software['commit'] or 'unknown'}."
    yield ""
    yield "| table | rows | columns |"
    yield "|---|---|---|"
    for table in TABLES:
        yield f"| `{table.name}` | {rows[table.name]} | {', '.join(f'`{name}`' for name in table.header)} |"
    yield ""
    yield "Contenders: " + ", ".join(f"`{one['contender']}`" for one in manifest["contenders"]) + "."
    yield ""
    yield from (f"- **{name}**: {rule}" for name, rule in manifest["counting_rules"].items())
    yield ""
    yield "Pictures are not included. `manifest.json` has the checksum of every file."
