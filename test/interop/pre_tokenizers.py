"""Pieces and normal forms of texts by Hugging Face's `tokenizers`: COUNT random texts of awkward characters, as JSON on stdout.

Usage: pre_tokenizers.py COUNT [SEED]. Made with tokenizers 0.23.3: test/interop/pre-tokenizers.json (12 texts, seed 5).
"""
import json
import random
import sys

from tokenizers import Regex, normalizers, pre_tokenizers

count = int(sys.argv[1])
random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 5)

# Digits of several scripts, things that some call white space or punctuation, combining marks, characters beyond 16 bits.
ALPHABET = list(
    "aB9 .,-_'$+=^|\n\t\r\u00a0\u0085\ufeff\u200b\u2028\u3000éß½²٣०Ⅷ①日本ก่👩\u200d🎉_‿–“«¿€º\u0301\u00ad\x1c\x0b"
)
texts = ["".join(random.choice(ALPHABET) for _ in range(random.randint(1, 14))) for _ in range(count)]

BEHAVIORS = {
    "isolated": "Isolated",
    "removed": "Removed",
    "merged_with_previous": "MergedWithPrevious",
    "merged_with_next": "MergedWithNext",
    "contiguous": "Contiguous",
}
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def split(pattern, behavior, invert):
    """One `Split`; `pattern` is (is a regular expression, text)."""
    regex, text = pattern
    part = pre_tokenizers.Split(Regex(text) if regex else text, behavior, invert=invert)
    return part, {
        "type": "Split",
        "pattern": {"Regex" if regex else "String": text},
        "behavior": BEHAVIORS[behavior],
        "invert": invert,
    }


def byte_level(prefix, regex):
    part = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    return part, {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme, cut):
    part = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=cut)
    return part, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut}


parts = [
    (pre_tokenizers.Digits(individual_digits=True), {"type": "Digits", "individual_digits": True}),
    (pre_tokenizers.Digits(individual_digits=False), {"type": "Digits", "individual_digits": False}),
    (pre_tokenizers.Whitespace(), {"type": "Whitespace"}),
    (pre_tokenizers.WhitespaceSplit(), {"type": "WhitespaceSplit"}),
    (pre_tokenizers.BertPreTokenizer(), {"type": "BertPreTokenizer"}),
    split((True, LLAMA3), "isolated", False),
    *(byte_level(prefix, regex) for prefix in (True, False) for regex in (True, False)),
    *(metaspace(scheme, cut) for scheme in ("first", "always", "never") for cut in (True, False)),
    *((pre_tokenizers.Punctuation(behavior=b), {"type": "Punctuation", "behavior": name}) for b, name in BEHAVIORS.items()),
    *(split(p, b, False) for p in ((False, " "), (True, r"\s+|[.,]")) for b in BEHAVIORS),
    *(split((True, r"\p{L}+"), b, True) for b in BEHAVIORS),
]
digits, whole = parts[0], byte_level(False, True)
parts.append(
    (
        pre_tokenizers.Sequence([digits[0], whole[0]]),
        {"type": "Sequence", "pretokenizers": [digits[1], whole[1]]},
    )
)

forms = [
    (normalizers.NFC(), {"type": "NFC"}),
    (normalizers.NFKC(), {"type": "NFKC"}),
    (normalizers.Lowercase(), {"type": "Lowercase"}),
    (normalizers.StripAccents(), {"type": "StripAccents"}),
    (normalizers.Strip(), {"type": "Strip", "strip_left": True, "strip_right": True}),
    (normalizers.Strip(left=True, right=False), {"type": "Strip", "strip_left": True, "strip_right": False}),
    (normalizers.Replace(Regex(r"\s+"), " "), {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}),
]

json.dump(
    {
        "texts": texts,
        "pre_tokenizers": [
            {"part": json_, "pieces": [[piece for piece, _ in part.pre_tokenize_str(text)] for text in texts]}
            for part, json_ in parts
        ],
        "normalizers": [
            {"part": json_, "forms": [form.normalize_str(text) for text in texts]} for form, json_ in forms
        ],
    },
    sys.stdout,
    ensure_ascii=True,
)
