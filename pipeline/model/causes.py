"""The catalogue of what keeps things waiting: why, who acts, what to do first, which command.

One value a code: of what holds a flow or a document (`model.controls`), of what a door or
the hub reports (`model.errors`), and of what merely waits. Screens and the runbook take
their words from here, so that one cause is explained in one way everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pipeline.model.bulk import Verb


class Acts(Enum):
    """Who has to do something before it goes on."""

    OPERATOR = "operator"
    SENDER = "sender"
    RECEIVER = "receiver"
    VALIDATOR = "validator"  #: whoever reads the invoice before its recipient
    NOBODY = "nobody"  #: it goes on by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something waits.

    Attributes:
        code: As `edi why` shows it.
        says: The cause in plain words: ``fr`` and ``en``, no full stop.
        acts: Who acts.
        first: What to do before the command: ``fr`` and ``en``; empty where nothing is.
        verb: The operator's verb that lets it go on; None where another command does.
        command: That command, ids between braces: ``{id}``, ``{partner}``, ``{connection}``.
    """

    code: str
    says: Mapping[str, str]
    acts: Acts
    first: Mapping[str, str]
    verb: Verb | None = None
    command: str = ""


def _texts(fr: str, en: str) -> Mapping[str, str]:
    return MappingProxyType({"fr": fr, "en": en})


_NOTHING = _texts("", "")
_RELEASE = "edi release {id}"
_REASON = '--reason "…"'
_AGAIN = "edi run --once"

#: What holds flows and documents; each is let go by `release`, which judges once more.
_HELD = (
    Cause(
        code="NO_ROUTE",
        says=_texts(
            "l'annuaire connaît le destinataire, aucune route ne convient",
            "the directory knows the recipient, no route matches",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "ajoutez la route dans config/directory/routes.toml, puis edi apply",
            "add the route to config/directory/routes.toml, then edi apply",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="NOT_LIVE",
        says=_texts(
            "la fiche du destinataire n'est pas en production pour ce document",
            "the recipient's sheet is not in production for this document",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi connections show dit où elle en est ; faites-la avancer par edi connections"
            " promote, ou ajoutez une autre route",
            "edi connections show says where it stands; take it on by edi connections promote,"
            " or add another route",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="PACK_MISSING",
        says=_texts(
            "des règles officielles sont absentes du hub, ou ont changé",
            "official rules are missing at the hub, or changed",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi packs list, puis edi packs install", "edi packs list, edi packs install"
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="PACK_ERROR",
        says=_texts(
            "des règles officielles échouent sur ce document",
            "official rules fail to run on this document",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "regardez le document ; libérez après mise à jour des règles, ou refusez",
            "look at the document; release after an update of the rules, or reject",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="ENGINE_CRASH",
        says=_texts(
            "le contrôle s'est interrompu sur un défaut du hub",
            "the check broke off on a defect of the hub",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "contrôlez l'original par edi validate, qui dit le détail, et signalez le défaut",
            "judge the original with edi validate, which tells the detail, and report it",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="ENGINE_TIMEOUT",
        says=_texts("le contrôle a duré trop longtemps", "judging it took too long"),
        acts=Acts.OPERATOR,
        first=_texts(
            "si le document le mérite, augmentez time_limit_s de pipeline.toml",
            "raise time_limit_s in pipeline.toml if the document deserves it",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="ENGINE_MEMORY",
        says=_texts("le contrôle a demandé trop de mémoire", "judging it took too much memory"),
        acts=Acts.OPERATOR,
        first=_texts(
            "si le document le mérite, augmentez memory_limit_mb de pipeline.toml",
            "raise memory_limit_mb in pipeline.toml if the document deserves it",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="SCANNER_SILENT",
        says=_texts(
            "l'antivirus exigé par la fiche n'a pas rendu de verdict",
            "the antivirus that the sheet requires gave no verdict",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "rétablissez clamd ou ses limites ; pour tout libérer d'un coup : "
            "edi release --reason-code SCANNER_SILENT --yes",
            "mend clamd or its limits; to let all go at once: "
            "edi release --reason-code SCANNER_SILENT --yes",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="ARCHIVE_LOST",
        says=_texts(
            "l'original ne peut plus être lu : son fichier ou sa clé manque ou est abîmé",
            "the original cannot be read any more: its file or its key is gone or damaged",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi keys check dit lequel ; remettez-le d'une sauvegarde, ou une copie de l'émetteur"
            " par edi original ID --put FICHIER ; sinon refusez",
            "edi keys check says which; put it back from a backup, or a copy of the sender's by"
            " edi original ID --put FILE; else reject",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="RETURN_LOST",
        says=_texts(
            "une facture retournée revient, et le document qu'elle corrige ou complète n'est plus"
            " lisible",
            "a returned invoice comes back, and the document that it corrects or completes cannot"
            " be read any more",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi show nomme ce document ; remettez son original par edi original ID --put FICHIER"
            " ; effacé ou introuvable, refusez par edi reject",
            "edi show names that document; put its original back by edi original ID --put FILE;"
            " where it is erased or lost, reject by edi reject",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="OPERATOR_HOLD",
        says=_texts("un opérateur l'a retenu", "an operator holds it back"),
        acts=Acts.OPERATOR,
        first=_texts("lisez le motif dans edi show", "read why in edi show"),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
)

#: What keeps accepted documents and answers from their partners.
_LEAVING = (
    Cause(
        code="TRIED_ONLY",
        says=_texts(
            "essai de qualification, jugé et remis à personne : le destinataire n'a pas de fiche"
            " de qualification",
            "trial in qualification, judged and delivered to nobody: the recipient has no"
            " qualification sheet",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "si les essais suivants doivent arriver, ajoutez-lui une fiche avec"
            ' environment = "qualification"',
            'if further trials are to arrive, add a sheet with environment = "qualification"',
        ),
        command="edi apply",
    ),
    Cause(
        code="VALIDATION_WAITS",
        says=_texts(
            "la facture attend que son valideur la valide ou la refuse",
            "the invoice waits for its validator to validate or refuse it",
        ),
        acts=Acts.VALIDATOR,
        first=_texts(
            "demandez-lui sa réponse ; s'il ne peut pas la déposer, dites-la pour lui",
            "ask for its answer; if it cannot drop it, say it in its name",
        ),
        command='edi declare {id} validate --as validator --comment "…"',
    ),
    Cause(
        code="VALIDATOR_WRONG",
        says=_texts(
            "le valideur nommé n'est pas le bon : son fournisseur doit en nommer un autre",
            "the validator named is not the right one: its supplier has to name another",
        ),
        acts=Acts.SENDER,
        first=_texts(
            "demandez au fournisseur le SIRET du bon valideur",
            "ask the supplier for the SIRET of the right validator",
        ),
        command="edi declare {id} name-validator --as supplier --validator SIRET",
    ),
    Cause(
        code="GROUP_WAITS",
        says=_texts(
            "le document attend les autres de son groupe, comme le demande la fiche du"
            " destinataire",
            "the document waits for the others of its group, as the receiver's sheet asks",
        ),
        acts=Acts.NOBODY,
        first=_NOTHING,
        command=_AGAIN,
    ),
    Cause(
        code="NOT_CONVERTED",
        says=_texts(
            "le hub n'a pas su écrire le document dans le format du destinataire",
            "the hub could not write the document in the receiver's format",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "signalez le défaut avec l'original (edi convert le reproduit) ; après mise à jour du"
            " hub ou changement de format dans la fiche, libérez",
            "report the defect with the original (edi convert shows it); release once the hub is"
            " updated or the sheet asks for another format",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="CONVERSION_LOSS",
        says=_texts(
            "le format du destinataire ne porte pas tout le document, ce que sa fiche n'admet pas",
            "the receiver's format does not hold the whole document, and its sheet does not"
            " allow that",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "regardez ce qui manque (edi show), voyez avec le destinataire, puis loss = 'allow'"
            " ou un autre format dans sa fiche, et edi apply",
            "look at what is missing (edi show), ask the receiver, then loss = 'allow' or another"
            " format in its sheet, and edi apply",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="RESULT_REFUSED",
        says=_texts(
            "le document converti enfreint des règles que l'original respecte",
            "the converted document breaks rules that the original keeps",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "signalez le défaut avec l'original (edi convert le reproduit) ; après mise à jour du"
            " hub ou changement de format dans la fiche, libérez",
            "report the defect with the original (edi convert shows it); release once the hub is"
            " updated or the sheet asks for another format",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="RESULT_UNJUDGED",
        says=_texts(
            "le document converti n'a pas pu être contrôlé : règles absentes, ou contrôle"
            " interrompu",
            "the converted document could not be judged: rules are missing, or a check broke off",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi packs list, puis edi packs install ; libérez ensuite",
            "edi packs list, edi packs install; then release",
        ),
        verb=Verb.RELEASE,
        command=_RELEASE,
    ),
    Cause(
        code="CUT_SHORT",
        says=_texts(
            "un essai interrompu a pu déposer le fichier, qui ne peut plus être composé",
            "an attempt that was cut short may have put the file, which can no longer be made",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "supprimez ce qui est dit plus haut : il est retenté de lui-même, à l'identique ;"
            " sinon demandez au destinataire s'il a le fichier, et retirez s'il n'a rien",
            "mend what is said above: it is tried again by itself, with the same bytes; else ask"
            " the recipient whether they have the file, and withdraw where they have nothing",
        ),
        verb=Verb.WITHDRAW,
        command=f"edi withdraw {{id}} --unseen {_REASON}",
    ),
    Cause(
        code="NOT_TAKEN",
        says=_texts(
            "la copie d'essai porte ce que le destinataire ne prendrait pas",
            "the trial copy holds what its receiver would not take",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "comparez avec le destinataire ce qu'il prend (takes), ou prévenez le fournisseur",
            "compare with the receiver what it takes, or tell the supplier",
        ),
        command="edi connections report {connection}",
    ),
    Cause(
        code="DELIVERY_ABANDONED",
        says=_texts(
            "la remise a été abandonnée après le dernier essai",
            "the delivery was given up after the last attempt",
        ),
        acts=Acts.OPERATOR,
        first=_texts("supprimez la cause de l'échec", "mend what made it fail"),
        verb=Verb.REDELIVER,
        command=f"edi redeliver {{id}} {_REASON}",
    ),
    Cause(
        code="RECEIPT_REFUSED",
        says=_texts(
            "le destinataire dit n'avoir pas pris ce qui lui a été remis, ou pas tout",
            "the receiver says that it did not take what was delivered, or not all of it",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "lisez son motif, ôtez la cause avec lui ; une remise nouvelle, ou son acquittement"
            " favorable, clôt le cas",
            "read its reason, mend the cause with it; a new delivery, or a favourable"
            " acknowledgement of its, closes the case",
        ),
        verb=Verb.REDELIVER,
        command=f"edi redeliver {{id}} {_REASON}",
    ),
    Cause(
        code="ANSWER_REFUSED",
        says=_texts(
            "le partenaire dit irrecevable une réponse du hub",
            "the partner could not take an answer of the hub",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "comparez la réponse et son motif avec le partenaire ; si le hub se trompe,"
            " signalez le défaut",
            "look at the answer and the reason with the partner; if the hub is wrong, report"
            " the defect",
        ),
        command="edi show {id}",
    ),
    Cause(
        code="PARTNER_PAUSED",
        says=_texts("le partenaire est en pause", "the partner is paused"),
        acts=Acts.OPERATOR,
        first=_texts("voyez qui l'a mis en pause : edi status", "see who paused it: edi status"),
        command='edi resume --partner "{partner}"',
    ),
    Cause(
        code="EVERYBODY_PAUSED",
        says=_texts("tout est en pause", "everything is paused"),
        acts=Acts.OPERATOR,
        first=_texts("voyez qui l'a demandé : edi status", "see who asked for it: edi status"),
        command="edi resume",
    ),
    Cause(
        code="SHEET_CLOSED",
        says=_texts(
            "la fiche de raccordement {connection} n'est plus en vigueur",
            "the connection sheet {connection} is no longer in force",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "remettez la fiche dans config/connections",
            "put the sheet back into config/connections",
        ),
        command="edi apply",
    ),
    Cause(
        code="SHEET_SUSPENDED",
        says=_texts(
            "la fiche {connection} est suspendue : rien n'y entre et n'en part, rien n'est perdu",
            "the sheet {connection} is suspended: nothing comes in or leaves, nothing is lost",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi connections show dit par qui et pourquoi ; supprimez la cause",
            "edi connections show says by whom and why; mend that",
        ),
        command=f"edi connections resume {{connection}} {_REASON}",
    ),
    Cause(
        code="SHEET_NOT_LIVE",
        says=_texts(
            "la fiche {connection} n'est pas encore en service",
            "the sheet {connection} is not in service yet",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi connections show dit le pas suivant",
            "edi connections show says what comes next",
        ),
        command=f"edi connections promote {{connection}} {_REASON}",
    ),
    Cause(
        code="SHEET_OVER",
        says=_texts(
            "la fiche {connection} est close : rien n'y passe plus, le document attend",
            "the sheet {connection} is closed: nothing goes through it, the document waits",
        ),
        acts=Acts.OPERATOR,
        first=_texts("choisissez la fiche qui le prendra", "choose the sheet that is to take it"),
        verb=Verb.REDELIVER,
        command=f"edi redeliver {{id}} --to FICHE {_REASON}",
    ),
    Cause(
        code="ANSWER_STAYS",
        says=_texts(
            "la fiche {connection} est close : la réponse ne part plus, elle reste au registre",
            "the sheet {connection} is closed: the answer does not leave, it stays on record",
        ),
        acts=Acts.NOBODY,
        first=_NOTHING,
        command="edi connections show {connection}",
    ),
    Cause(
        code="NOT_TRIED",
        says=_texts("pas encore envoyé", "not sent yet"),
        acts=Acts.NOBODY,
        first=_NOTHING,
        command=_AGAIN,
    ),
    Cause(
        code="NOT_JUDGED",
        says=_texts("attend d'être contrôlé", "waits to be judged"),
        acts=Acts.NOBODY,
        first=_NOTHING,
        command=_AGAIN,
    ),
)

#: What a door, or the hub on its way to it, said at the last attempt.
_ERRORS = (
    Cause(
        code="CONNECT",
        says=_texts("le serveur n'est pas joignable", "the server cannot be reached"),
        acts=Acts.OPERATOR,
        first=_texts(
            "vérifiez réseau, hôte et port avec le partenaire",
            "check network, host and port with the partner",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="MAIL",
        says=_texts(
            "le serveur de courrier n'a pas pris la lettre, ou il n'y en a pas",
            "the mail server did not take the letter, or there is none",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "vérifiez [mail] dans config/pipeline.toml et l'adresse contact de la fiche ; la"
            " lettre attend et repart d'elle-même",
            "check [mail] in config/pipeline.toml and the sheet's contact; the letter waits and"
            " leaves by itself",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="LOST",
        says=_texts("le serveur rompt les sessions", "the server breaks sessions off"),
        acts=Acts.OPERATOR,
        first=_texts("signalez-le au partenaire", "tell the partner"),
        command=_AGAIN,
    ),
    Cause(
        code="LOGIN",
        says=_texts(
            "le serveur refuse notre compte : clé, certificat ou mot de passe",
            "the server refuses our account: key, certificate or password",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "comparez la clé publique avec le partenaire, ou renouvelez le secret de la fiche",
            "compare the public key with the partner, or renew the sheet's secret",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="HOSTKEY",
        says=_texts(
            "le serveur n'a pas la clé d'hôte attendue", "the server has not the pinned host key"
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "demandez au partenaire, par une autre voie, si le changement est le sien ; si oui, "
            "changez host_key et edi apply",
            "ask the partner by another way whether the change is theirs; if so change host_key, "
            "edi apply",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="CIRCUIT",
        says=_texts(
            "le serveur vient d'échouer, il sera rappelé plus tard",
            "the server failed a moment ago, it is tried again later",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "lisez host.failed dans le journal : il dit la cause",
            "read host.failed in the log: it tells the cause",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="TRANSFER",
        says=_texts(
            "le dossier du partenaire n'a pas pris le fichier",
            "the partner's folder did not take the file",
        ),
        acts=Acts.RECEIVER,
        first=_texts(
            "faites rétablir le dossier et ses droits", "have the folder and its rights mended"
        ),
        command=_AGAIN,
    ),
    Cause(
        code="NAME_TAKEN",
        says=_texts(
            "un autre fichier porte déjà ce nom chez le partenaire",
            "another file has this name at the partner's",
        ),
        acts=Acts.RECEIVER,
        first=_texts("faites déplacer ce fichier", "have that file moved away"),
        command=_AGAIN,
    ),
    Cause(
        code="CHANGED",
        says=_texts(
            "le fichier a changé pendant sa lecture", "the file changed while it was read"
        ),
        acts=Acts.SENDER,
        first=_NOTHING,
        command=_AGAIN,
    ),
    Cause(
        code="TOO_LARGE",
        says=_texts(
            "le fichier dépasse la limite de la fiche", "the file is over the sheet's limit"
        ),
        acts=Acts.SENDER,
        first=_NOTHING,
        command=_AGAIN,
    ),
    Cause(
        code="ARCHIVE",
        says=_texts(
            "les archives du hub n'ont pu être lues ou écrites",
            "the hub's archive could not be read or written",
        ),
        acts=Acts.OPERATOR,
        first=_texts("vérifiez le disque, puis edi verify", "look at the disk, then edi verify"),
        command=_AGAIN,
    ),
    Cause(
        code="MASTER_KEY",
        says=_texts(
            "la clé maîtresse qui ouvre cet original n'est pas connue de ce processus",
            "this process does not know the master key that opens this original",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "relancez edi run et chaque edi work ; puis edi keys check",
            "restart edi run and every edi work; then edi keys check",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="ANSWER_UNVETTED",
        says=_texts(
            "la réponse ne passe pas les règles officielles, ou n'a pu y être soumise",
            "the answer does not pass the official rules, or could not be held against them",
        ),
        acts=Acts.OPERATOR,
        first=_texts(
            "edi packs list ; une règle nommée est un défaut du hub : signalez-le",
            "edi packs list; a rule that is named is a defect of the hub: report it",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="CONFIG",
        says=_texts("la configuration ne le permet pas", "the configuration does not allow it"),
        acts=Acts.OPERATOR,
        first=_texts("corrigez ce que dit l'erreur", "correct what the error says"),
        command="edi apply",
    ),
)

#: What keeps files in a sender's folder.
_FILES = (
    Cause(
        code="FILE_WAITS",
        says=_texts(
            "le fichier n'est pas encore jugé entier : marqueur, ou délai de stabilité",
            "the file does not count as whole yet: its marker, or the time it must be stable",
        ),
        acts=Acts.SENDER,
        first=_NOTHING,
        command=_AGAIN,
    ),
    Cause(
        code="LINK",
        says=_texts(
            "c'est un lien symbolique, que le hub ne suit pas : rien n'en sera relevé ; "
            "l'émetteur en est avisé",
            "it is a symbolic link, which the hub does not follow: nothing of it is taken; its "
            "sender was told",
        ),
        acts=Acts.SENDER,
        first=_texts(
            "faites déposer le fichier lui-même, et retirer le lien",
            "have the file itself sent, and the link removed",
        ),
        command=_AGAIN,
    ),
    Cause(
        code="FILE_PARTIAL",
        says=_texts(
            "le fichier est stable mais paraît tronqué ; il sera pris ainsi, et refusé, à la fin "
            "du délai",
            "the file is stable but looks cut off; it is taken as it is, and refused, when its "
            "time is over",
        ),
        acts=Acts.SENDER,
        first=_texts("faites-le déposer à nouveau, entier", "have it sent again, whole"),
        command=_AGAIN,
    ),
)

CAUSES: tuple[Cause, ...] = (*_HELD, *_LEAVING, *_ERRORS, *_FILES)

#: Each cause by its code.
CAUSE: Mapping[str, Cause] = MappingProxyType({cause.code: cause for cause in CAUSES})
