"""The forms of organisers' pages: what may be typed where, and what is said beside a field that cannot stay so."""

import re
from typing import Any, ClassVar

from django import forms

from pluralign.assembly.models import Assembly, Question, Recruitment, Role
from pluralign.assembly.services.quotas import Wanted
from pluralign.assembly.settings import LANGUAGES
from pluralign.elicit.cards import LONGEST_POLICY, LONGEST_TITLE, MOST_POLICIES

LONGEST_CONTEXT = 120


class Lines(forms.CharField):
    """Several things, one on each line."""

    widget = forms.Textarea

    def __init__(self, *, longest: int, most: int, rows: int = 5, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **kwargs)
        self.longest, self.most = longest, most

    def clean(self, value: Any) -> list[str]:
        """The lines without blank ones and repeats."""
        text = super().clean(value)
        lines = list(dict.fromkeys(re.sub(r"\s+", " ", line).strip(" -•*") for line in text.splitlines()))
        lines = [line for line in lines if line]
        for line in lines:
            if len(line) > self.longest:
                raise forms.ValidationError(f"“{line[:40]}…” has {len(line)} letters; {self.longest} are possible.")
        if len(lines) > self.most:
            raise forms.ValidationError(f"These are {len(lines)} lines; {self.most} are possible.")
        if self.required and not lines:
            raise forms.ValidationError("Write at least one line.")
        return lines


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class _Asks(forms.Form):
    """Who asks, as a choice of two."""

    asks = forms.ChoiceField(
        label="Who asks people about a choice of theirs",
        choices=[
            ("model", "An AI, or a form if they like"),
            ("form", "A form, never an AI"),
        ],
        help_text="Where this site has no model, or its budget is spent, the form asks the same things.",
    )


class NewAssembly(_Asks):
    """All that is needed to begin; the rest has defaults."""

    title = forms.CharField(label="Title", max_length=120, help_text="Such as: The new library")
    topic = forms.CharField(
        label="Topic", widget=_area(4), max_length=4000,
        help_text="Why people are asked and what will be done with the result, in sentences that they read first.",
    )  # fmt: skip
    question_title = forms.CharField(label="Short name of the first question", max_length=80, initial="The question")
    question_text = forms.CharField(
        label="First question", widget=_area(3), max_length=1000,
        help_text="One concrete situation works best: “Somebody asks … How should we respond?”",
    )  # fmt: skip
    contexts = Lines(
        label="Situations to judge in, one a line", longest=LONGEST_CONTEXT, most=30,
        help_text="Kinds of moment in which one value may be wiser than another. Each begins with “When”.",
        initial="When time is short\nWhen somebody is upset\nWhen people disagree",
    )  # fmt: skip
    language = forms.ChoiceField(label="Language of your texts", choices=LANGUAGES)
    is_public = forms.BooleanField(
        label="Anybody may join once it is open (otherwise by recruitment link only)", required=False, initial=True
    )
    field_order = ("title", "topic", "question_title", "question_text", "contexts", "asks", "language", "is_public")


class FromFile(forms.Form):
    """An assembly from a file."""

    file = forms.FileField(label="YAML file", help_text="In the form of the example below, at most 1 MB.")

    def clean_file(self) -> str:
        """Its text."""
        found = self.cleaned_data["file"]
        if found.size > 1_000_000:
            raise forms.ValidationError("The file has more than 1 MB.")
        try:
            return str(found.read().decode("utf-8"))
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not text in UTF-8.") from None


def _number(label: str, low: int, high: int, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=low, max_value=high, help_text=help_text)


class Settings(forms.ModelForm):
    """What may be changed at any time."""

    cards_per_vote = _number("Cards in one values vote", 2, 12)
    transitions_per_person = _number("Stories that each person is asked to judge", 1, 30)
    turn_budget = _number("Questions in one conversation at most", 4, 16)
    target_participants = _number("People wished for", 0, 1_000_000, "0 where you have no number in mind.")
    privacy_threshold = _number(
        "Smallest group that is told apart", 2, 100, "Exports and dashboards show no group smaller than this."
    )
    topic = forms.CharField(label="Topic", widget=_area(4), max_length=4000)
    consent_text = forms.CharField(
        label="What you add to the site's words about data", widget=_area(4), max_length=4000, required=False,
        help_text="Who you are, what the answers are for, how long you keep them. A change is a new version: "
        "everybody is asked to agree again before they go on. Earlier consents keep their words.",
    )  # fmt: skip
    held_words = forms.CharField(
        label="Words that hold a text back, one a line", widget=_area(3), max_length=10_000, required=False,
        help_text="A card or a reason with one of these waits until a moderator has looked.",
    )  # fmt: skip

    class Meta:
        """In the order of the page."""

        model = Assembly
        fields = (
            "title", "topic", "language", "organiser_name", "contact", "consent_text", "is_public", "graph_is_public",
            "target_participants", "privacy_threshold", "uses_model", "turn_budget", "cards_per_vote",
            "transitions_per_person", "reviews_cards", "held_words",
        )  # fmt: skip
        labels: ClassVar = {
            "title": "Title",
            "language": "Language of your texts",
            "organiser_name": "Who organises",
            "contact": "Contact, as people read it",
            "is_public": "Anybody may join; otherwise by recruitment link only",
            "graph_is_public": "From the review on, people who did not take part may see the graph",
            "uses_model": "An AI may ask, where this site has one; people can always choose the form",
            "reviews_cards": "Every card waits for a moderator before others see it",
        }
        widgets: ClassVar = {"language": forms.Select(choices=LANGUAGES)}

    SECTIONS = (
        ("What people read", ("title", "topic", "language", "organiser_name", "contact", "consent_text")),
        ("Who may come and look", ("is_public", "graph_is_public", "target_participants", "privacy_threshold")),
        ("What people are asked", ("uses_model", "turn_budget", "cards_per_vote", "transitions_per_person")),
        ("What waits for a moderator", ("reviews_cards", "held_words")),
    )

    def sections(self) -> list[tuple[str, list[Any]]]:
        """Headings and their fields."""
        return [(heading, [self[name] for name in names]) for heading, names in self.SECTIONS]


class QuestionForm(forms.Form):
    """One question."""

    title = forms.CharField(label="Short name", max_length=80)
    text = forms.CharField(label="Question", widget=_area(3), max_length=1000)


class ContextForm(forms.Form):
    """One situation, and the questions it is for."""

    text = forms.CharField(label="Situation", max_length=LONGEST_CONTEXT, help_text="Such as: When time is short")
    questions = forms.ModelMultipleChoiceField(
        label="For these questions", queryset=Question.objects.none(), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, assembly: Assembly, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["questions"].queryset = assembly.questions.all()


class SeedForm(forms.Form):
    """One seed value."""

    title = forms.CharField(label="Name of the value", max_length=LONGEST_TITLE, help_text="Two to five words.")
    summary = forms.CharField(label="In one sentence", max_length=1000, required=False, widget=_area(2))
    policies = Lines(
        label="What somebody looks out for, one a line", longest=LONGEST_POLICY, most=MOST_POLICIES,
        help_text="Three to seven things that one can notice, such as: People who fall silent when others speak",
    )  # fmt: skip


class RecruitmentForm(forms.ModelForm):
    """One recruitment link."""

    return_url = forms.URLField(
        label="Where people go when they are done", required=False, assume_scheme="https",
        help_text="The panel's completion page, https://…",
    )  # fmt: skip

    class Meta:
        """In the order of the page."""

        model = Recruitment
        fields = ("name", "limit", "id_parameter", "return_code", "return_url", "signing_key", "is_open")
        labels: ClassVar = {
            "name": "Name, for yourselves",
            "limit": "People at most",
            "id_parameter": "Name of the panel's id in the link",
            "return_code": "Completion code that people take back to the panel",
            "signing_key": "Signing key",
            "is_open": "People may come in by this link",
        }
        help_texts: ClassVar = {
            "name": "Such as: Prolific, first wave",
            "limit": "0 is no limit. When it is reached, people are told so and nobody else can join by this link.",
            "signing_key": "Only if the panel signs its links: “signature” is then HMAC-SHA-256 of the id.",
        }

    def clean_id_parameter(self) -> str:
        """Letters that an address can hold."""
        found: str = self.cleaned_data["id_parameter"]
        if not re.fullmatch(r"[\w-]+", found):
            raise forms.ValidationError("Use letters, digits, - and _ only, such as PROLIFIC_PID.")
        return found


class InviteForm(forms.Form):
    """An invitation into the team."""

    name = forms.CharField(label="Name", max_length=120, help_text="Other members of the team see it.")
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.ORGANISER)
    email = forms.EmailField(
        label="E-mail address", required=False, max_length=200,
        help_text="Not kept, only a fingerprint of it. Leave it empty to get a link that you hand over yourself.",
    )  # fmt: skip


class AcceptForm(forms.Form):
    """Coming into a team."""

    token = forms.CharField(
        label="Token of the link", max_length=100,
        widget=forms.TextInput(attrs={"data-from-fragment": True, "autocomplete": "off"}),
    )  # fmt: skip
    name = forms.CharField(
        label="Your name", max_length=120, help_text="The team sees it beside what you do.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip


class QuotaForm(forms.Form):
    """Something asked at joining."""

    question = forms.CharField(label="Question", max_length=200, help_text="Such as: How old are you?")
    groups = Lines(
        label="Answers, one a line", longest=90, most=30,
        help_text="A number after = is how many people may join, such as: 18 to 29 = 50",
    )  # fmt: skip
    is_active = forms.BooleanField(label="Ask it now", required=False)

    def clean_groups(self) -> list[Wanted]:
        """The lines as groups."""
        found = []
        for line in self.cleaned_data["groups"]:
            text, _, limit = line.rpartition("=") if "=" in line else (line, "", "")
            if limit and not limit.strip().isdigit():
                raise forms.ValidationError(f"“{limit.strip()}” after = is no number of people.")
            found.append(Wanted(text.strip()[:80], int(limit) if limit else 0))
        if len({each.text for each in found}) < len(found) or not all(each.text for each in found):
            raise forms.ValidationError("Each line needs words of its own before the =.")
        return found


class BudgetForm(forms.ModelForm):
    """Caps of the model's use."""

    call_budget = _number("Calls at most", 0, 10_000_000, "0: the form asks everybody.")
    token_budget = _number("Tokens at most", 0, 10_000_000_000)
    person_call_budget = _number("Calls for one person at most", 0, 10_000, "0: no cap for one person.")

    class Meta:
        """In the order of the page."""

        model = Assembly
        fields = ("call_budget", "token_budget", "person_call_budget")
