"""The login page, and the exchange of the access code for a cookie."""

from __future__ import annotations

from flask import Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from edge.web.auth.authenticator import Access, Authenticator, CodeResult
from edge.web.auth.request_guard import check_origin, cookie_name
from edge.web.auth.sessions import LIFETIME_S
from edge.web.links import link


def add_login(app: Flask, access: Access) -> None:
    """Add the routes `/login` and `/logout`."""
    authenticator = access.authenticator

    @app.get("/login")
    def login() -> AnyResponse | str:
        if authenticator is None or authenticator.accepts(_token(authenticator)):
            return redirect(link("page"), 303)
        return _login_page(None)

    @app.post("/login")
    def log_in() -> AnyResponse | str:
        check_origin()
        if authenticator is None:
            return redirect(link("page"), 303)
        code = request.form.get("code", "")
        result = authenticator.check_code(code, request.remote_addr or "")
        if not result.accepted:
            return _refused(result)
        response = redirect(link("page"), 303)
        _set_cookie(response, authenticator, authenticator.issue(code), LIFETIME_S)
        return response

    @app.post("/logout")
    def log_out() -> AnyResponse:
        response = redirect(link("login"), 303)
        if authenticator is not None:
            authenticator.end(_token(authenticator))
            _set_cookie(response, authenticator, "", 0)
        return response


def _login_page(result: CodeResult | None) -> str:
    """Return the page; `result` is that of the last try."""
    return render_template(
        "login.html",
        wrong=result is not None and not result.wait_s,
        wait_s=result.wait_s if result else 0,
    )


def _refused(result: CodeResult) -> Response:
    status, headers = (429, {"Retry-After": str(result.wait_s)}) if result.wait_s else (401, {})
    return Response(_login_page(result), status, headers, mimetype="text/html")


def _token(authenticator: Authenticator) -> str:
    return request.cookies.get(cookie_name(authenticator), "")


def _set_cookie(
    response: AnyResponse, authenticator: Authenticator, token: str, max_age_s: int
) -> None:
    response.set_cookie(
        cookie_name(authenticator),
        token,
        max_age=max_age_s,
        path=request.script_root or "/",  # other devices may be behind the same name
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
