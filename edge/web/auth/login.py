"""The login page, and the exchange of the access code for a cookie."""

from __future__ import annotations

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from edge.web.auth.access_code import Access, Answer, Door
from edge.web.auth.request_guard import check_origin
from edge.web.auth.sessions import LIFETIME_S


def add_login(app: Flask, access: Access) -> None:
    """Add the addresses `/login` and `/logout`."""
    door = access.door

    @app.get("/login")
    def login() -> AnyResponse | str:
        if door is None or door.admits(_token(door)):
            return redirect(url_for("page"), 303)
        return _login_page(None)

    @app.post("/login")
    def log_in() -> AnyResponse | str:
        check_origin()
        if door is None:
            return redirect(url_for("page"), 303)
        code = request.form.get("code", "")
        answer = door.try_code(code, request.remote_addr or "")
        if not answer.admitted:
            return _refused(answer)
        response = redirect(url_for("page"), 303)
        _set_cookie(response, door, door.issue(code), LIFETIME_S)
        return response

    @app.post("/logout")
    def log_out() -> AnyResponse:
        response = redirect(url_for("login"), 303)
        if door is not None:
            door.end(_token(door))
            _set_cookie(response, door, "", 0)
        return response


def _login_page(answer: Answer | None) -> str:
    """Return the page; `answer` is what the last try got."""
    return render_template(
        "login.html",
        wrong=answer is not None and not answer.wait_s,
        wait_s=answer.wait_s if answer else 0,
    )


def _refused(answer: Answer) -> Response:
    status, headers = (429, {"Retry-After": str(answer.wait_s)}) if answer.wait_s else (401, {})
    return Response(_login_page(answer), status, headers, mimetype="text/html")


def _token(door: Door) -> str:
    return request.cookies.get(door.cookie(secure=request.is_secure), "")


def _set_cookie(response: AnyResponse, door: Door, token: str, max_age_s: int) -> None:
    response.set_cookie(
        door.cookie(secure=request.is_secure),
        token,
        max_age=max_age_s,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
