"""Routes of the organisers' pages, below /organise/. Those of one assembly stand below a/SLUG/, as participants' do."""

from django.urls import path

from pluralign.assembly.views_organise import bring, export, home, overview, phase, recruitment, seeds, setup, team

urlpatterns = [
    path("", home.home, name="organise"),
    path("enter/", home.enter, name="organise-enter"),
    path("new/", setup.new, name="organise-new"),
    path("invited/", team.invited, name="organise-invited"),
    path("code/", team.code, name="organise-code"),
    path("a/<slug:slug>/", overview.overview, name="organise-overview"),
    path("a/<slug:slug>/phase/", phase.phase, name="organise-phase"),
    path("a/<slug:slug>/phase/move/", phase.move, name="organise-phase-move"),
    path("a/<slug:slug>/settings/", setup.settings, name="organise-settings"),
    path("a/<slug:slug>/texts/", setup.texts, name="organise-texts"),
    path("a/<slug:slug>/texts/question/", setup.question, name="organise-texts-question"),
    path("a/<slug:slug>/texts/question/<int:key>/", setup.question, name="organise-texts-question-change"),
    path("a/<slug:slug>/texts/question/<int:key>/open/", setup.open_question, name="organise-texts-question-open"),
    path("a/<slug:slug>/texts/context/", setup.context, name="organise-texts-context"),
    path("a/<slug:slug>/texts/context/<int:key>/", setup.context, name="organise-texts-context-change"),
    path("a/<slug:slug>/texts/context/<int:key>/open/", setup.open_context, name="organise-texts-context-open"),
    path("a/<slug:slug>/seeds/", seeds.seeds, name="organise-seeds"),
    path("a/<slug:slug>/seeds/bring/", bring.bring, name="organise-seeds-bring"),
    path("a/<slug:slug>/seeds/add/<int:question>/", seeds.add, name="organise-seeds-add"),
    path("a/<slug:slug>/seeds/<int:key>/", seeds.change, name="organise-seeds-change"),
    path("a/<slug:slug>/seeds/<int:key>/show/", seeds.show, name="organise-seeds-show"),
    path("a/<slug:slug>/links/", recruitment.links, name="organise-recruitment"),
    path("a/<slug:slug>/links/add/", recruitment.edit, name="organise-recruitment-add"),
    path("a/<slug:slug>/links/<int:key>/", recruitment.edit, name="organise-recruitment-change"),
    path("a/<slug:slug>/team/", team.members, name="organise-team"),
    path("a/<slug:slug>/team/invite/", team.invite, name="organise-team-invite"),
    path("a/<slug:slug>/team/invitation/<int:key>/withdraw/", team.withdraw, name="organise-team-withdraw"),
    path("a/<slug:slug>/team/<int:key>/role/", team.role, name="organise-team-role"),
    path("a/<slug:slug>/team/leave/", team.leave, name="organise-team-leave"),
    path("a/<slug:slug>/export/", export.export, name="organise-export"),
]
