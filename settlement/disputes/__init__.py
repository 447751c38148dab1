"""A party's own numbers against a statement (争议): opened with a reason, imported, matched line by line, every difference answered.

Verbs: `open.open_dispute`, `numbers.import_numbers`, `answer.answer_difference`, `answer.resolve_dispute`. Invariant: a statement with a
difference that nobody answered is not signed.
"""
