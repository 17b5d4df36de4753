"""The one door to SaxonC: runs compiled Schematrons inside a worker process."""

from __future__ import annotations

from pathlib import Path

from saxonche import PySaxonApiError, PySaxonProcessor, PyXsltExecutable

from pipeline.model.errors import EngineError


class SaxonPacks:
    """Rule packs, each compiled on first use (0.3 to 2 s) and kept.

    One a process, made and used in its main thread: SaxonC aborts the whole process
    when several processors are at work in it.
    """

    def __init__(self) -> None:
        """Start SaxonC; it reads local files only: a pack, and the code lists beside it.

        Where a pack looks is written in the pack, whose bytes were checked: a document
        has no say in it.
        """
        self._processor = PySaxonProcessor(license=False)
        self._processor.set_configuration_property(
            "http://saxon.sf.net/feature/allowedProtocols", "file"
        )
        self._compiled: dict[Path, PyXsltExecutable] = {}

    def run(self, pack: Path, text: str) -> str:
        """Run one pack on one document.

        Args:
            pack: The compiled Schematron, an XSLT whose bytes were checked.
            text: The document, from our own parser: no DOCTYPE, nothing to resolve.

        Returns:
            The SVRL.

        Raises:
            EngineError: The pack does not compile, or raised an error on this document.
        """
        try:
            executable = self._compiled.get(pack)
            if executable is None:
                compiler = self._processor.new_xslt30_processor()
                executable = compiler.compile_stylesheet(stylesheet_file=str(pack))
                executable.set_property("!indent", "no")  # read by a parser, not by people
                self._compiled[pack] = executable
            document = self._processor.parse_xml(xml_text=text)
            svrl = executable.transform_to_string(xdm_node=document)
        except PySaxonApiError as error:
            raise EngineError(str(error)) from error
        if not isinstance(svrl, str):
            raise EngineError("the pack gave no output")
        return svrl
