"""The map of the site. Every view says in `access` who may open it; the route test holds each line to it."""

from django.urls import include, path
from django.views.i18n import set_language

from pluralign.assembly import admin_site, urls_organise
from pluralign.assembly.access import public
from pluralign.assembly.views import after, cards, dialogue, errors, home, joining, judging, reports

urlpatterns = [
    path("", joining.front, name="front"),
    path("language/", public(set_language), name="language"),
    path("sign-in/", joining.sign_in, name="sign-in"),
    path("sign-in/code/", joining.sign_in_code, name="sign-in-code"),
    path("sign-out/", joining.sign_out, name="sign-out"),
    path("come-back/", joining.come_back, name="come-back"),
    path("a/<slug:slug>/", joining.welcome, name="welcome"),
    path("a/<slug:slug>/example/", joining.example, name="example"),
    path("a/<slug:slug>/join/", joining.consent, name="consent"),
    path("a/<slug:slug>/via/<str:token>/", joining.recruited, name="recruited"),
    path("a/<slug:slug>/return-code/", joining.return_code, name="return-code"),
    path("a/<slug:slug>/return-code/kept/", joining.return_code_kept, name="return-code-kept"),
    path("a/<slug:slug>/return-code/new/", joining.new_return_code, name="return-code-new"),
    path("a/<slug:slug>/mine/", home.home, name="home"),
    path("a/<slug:slug>/q/<slug:question>/begin/", dialogue.start, name="dialogue-start"),
    path("a/<slug:slug>/dialogue/<uuid:key>/", dialogue.show, name="dialogue"),
    path("a/<slug:slug>/dialogue/<uuid:key>/answer/", dialogue.answer, name="dialogue-answer"),
    path("a/<slug:slug>/dialogue/<uuid:key>/stream/", dialogue.stream, name="dialogue-stream"),
    path("a/<slug:slug>/dialogue/<uuid:key>/drafting/", dialogue.drafting, name="drafting"),
    path("a/<slug:slug>/dialogue/<uuid:key>/draft/", dialogue.draft, name="draft"),
    path("a/<slug:slug>/card/<int:key>/", cards.card, name="card"),
    path("a/<slug:slug>/card/<int:key>/withdraw/", cards.withdraw, name="card-withdraw"),
    path("a/<slug:slug>/card/<int:key>/near/", cards.near, name="similar"),
    path("a/<slug:slug>/near/<int:offer>/", cards.answer_near, name="similar-answer"),
    path("a/<slug:slug>/q/<slug:question>/values/", judging.values, name="values"),
    path("a/<slug:slug>/value/<int:key>/report/", reports.report, name="report"),
    path("a/<slug:slug>/values/<uuid:draw>/", judging.vote, name="vote"),
    path("a/<slug:slug>/q/<slug:question>/stories/", judging.show, name="transitions"),
    path("a/<slug:slug>/stories/<uuid:draw>/", judging.judge, name="judge"),
    path("a/<slug:slug>/stories/<uuid:draw>/flag/", judging.flag, name="flag"),
    path("a/<slug:slug>/stories/undo/", judging.undo, name="undo"),
    path("a/<slug:slug>/q/<slug:question>/graph/", after.graph, name="graph"),
    path("a/<slug:slug>/q/<slug:question>/graph/drawing/", after.graph_drawing, name="graph-drawing"),
    path("a/<slug:slug>/after/", after.after, name="after"),
    path("a/<slug:slug>/mine/export/", after.export, name="export"),
    path("a/<slug:slug>/mine/delete/", after.delete, name="delete"),
    path("organise/", include(urls_organise)),
    path("admin/", admin_site.site.urls),
]
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.broken
