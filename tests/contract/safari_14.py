"""What Safari 14.0 has, as far as the page's style and scripts are concerned.

From MDN's browser compatibility data. A name that is in none of these tables has not been looked
up: look it up, and add it here if version 14.0 or an older one has it.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROPERTIES = _names(
    """
    -webkit-appearance -webkit-text-size-adjust align-content align-items align-self animation
    background background-color border border-bottom border-bottom-color border-collapse
    border-color border-left border-radius border-right border-style border-top border-width bottom
    box-shadow box-sizing clip-path color column-gap content counter-increment counter-reset cursor
    display fill fill-opacity filter flex flex-basis flex-direction flex-flow flex-grow flex-shrink
    flex-wrap font font-family font-size
    font-style font-variant-numeric font-weight gap grid-area grid-auto-columns grid-auto-flow
    grid-auto-rows grid-column grid-row grid-template-areas grid-template-columns
    grid-template-rows height justify-content justify-items justify-self left letter-spacing
    line-height list-style margin margin-bottom margin-left margin-right margin-top max-height
    max-width min-height min-width object-fit opacity order outline outline-offset overflow
    overflow-wrap overflow-x overflow-y padding padding-bottom padding-left padding-right
    padding-top place-items pointer-events position right row-gap stroke stroke-dasharray
    stroke-width text-align text-decoration text-overflow text-transform text-underline-offset top
    touch-action transform transform-origin transition vector-effect vertical-align visibility
    white-space width word-break z-index
    """
)

# Newer, but a browser that ignores them shows the same with less finish.
ORNAMENTS = {
    "accent-color": "controls have the system's colour",
    "appearance": "stands beside -webkit-appearance",
    "color-scheme": "form controls of the dark theme are light in Safari before 13 only",
    "overscroll-behavior": "the page behind a dialog scrolls when the dialog is at its end",
    "text-wrap": "lines break where they always did",
}

PSEUDOS = _names(
    """
    ::after ::before ::first-letter :active :checked :disabled :empty :first-child :focus
    :focus-within :hover :is :last-child :not :nth-child :only-child :root
    ::-moz-range-thumb ::-moz-range-track ::-webkit-slider-thumb ::-webkit-slider-runnable-track
    """
)

# Newer. Their rule does nothing, so it must stand alone: a list of selectors is dropped as a whole.
ORNAMENTAL_PSEUDOS = {
    "::backdrop": "the drawn dialog darkens the page itself",
    ":focus-visible": "the browser draws its own ring",
}

FUNCTIONS = _names(
    """
    blur brightness calc clamp counter cubic-bezier env grayscale inset linear-gradient max min
    minmax polygon repeat rgb rgba rotate scale scaleX scaleY translate translateX translateY url
    var
    """
)
UNITS = _names("% ch deg em fr ms px rem s vh vmax vmin vw")
AT_RULES = _names("@keyframes @media @supports")
MEDIA_FEATURES = _names(
    """
    hover max-height max-width min-height min-width orientation pointer prefers-color-scheme
    prefers-reduced-motion
    """
)

# Pattern in a script without its comments and texts, and the first version that has it.
TOO_NEW_IN_SCRIPTS = {
    r"\.\s*#\w|^\s*(?:static |async |get |set |\* ?)*#\w+\s*[=;(]|#\w+ in ": "private members: 15",
    r"^\s*static\s+(?:\w+\s*[=;]|\{)": "static fields and blocks: 14.1, 16.4",
    r"^(?:const|let) [^;(]*= await |^await ": "await outside a function: 15",
    r"\bexport \* as\b": "export * as: 14.1",
    r"\bAbortSignal\s*\.\s*\w+": "AbortSignal.timeout and any: 16",
    r"\)\s*\.at\(|\]\s*\.at\(": "Array.at: 15.4",
    r"\.(?:findLast|findLastIndex)\(": "Array.findLast: 15.4",
    r"\.(?:toSorted|toReversed|toSpliced|with)\(": "Array.toSorted and others: 16",
    r"\b(?:Object|Map)\s*\.\s*groupBy\b": "groupBy: 17.4",
    r"\bArray\s*\.\s*fromAsync\b": "Array.fromAsync: 16.4",
    r"\bObject\s*\.\s*hasOwn\b": "Object.hasOwn: 15.4",
    r"\bPromise\s*\.\s*(?:withResolvers|try)\b": "Promise.withResolvers: 17.4",
    r"\bstructuredClone\b": "structuredClone: 15.4",
    r"\bcrypto\s*\.\s*randomUUID\b": "randomUUID: 15.4",
    r"\b(?:WeakRef|FinalizationRegistry)\b": "WeakRef: 14.1",
    r"\bBroadcastChannel\b": "BroadcastChannel: 15.4",
    r"\bOffscreenCanvas\b": "OffscreenCanvas: 16.4",
    r"\bIntl\s*\.\s*(?:ListFormat|DisplayNames|DurationFormat|Segmenter)\b": "ListFormat: 14.1",
    r"\b(?:dateStyle|timeStyle)\s*:": "dateStyle: 14.1",
    r"\.\s*(?:checkVisibility|showPopover|hidePopover|togglePopover|requestSubmit)\b": "15 to 17.4",
    r"\.\s*(?:inert|submitter|scrollend|setHTML)\b": "inert, submitter: 15.4 and later",
    r"\b(?:requestIdleCallback|scheduler|navigation|documentPictureInPicture)\s*[.(]": "not yet",
    r"\.\s*(?:adoptedStyleSheets|attachInternals|startViewTransition)\b": "16.4 and later",
    r"\.\s*union\(|\.\s*intersection\(|\.\s*isSubsetOf\(": "methods of sets: 17",
    r"new Error\([^)]*,\s*\{\s*cause": "the cause of an error: 15",
    r"\(\?<[=!]": "lookbehind: 16.4",
    r"/[gimsuy]*[dv][gimsuy]*(?=[\s;,.)])": "flags d and v of a regular expression: 15, 17",
}

# The same, but guarded: the pattern and what the script asks before.
GUARDED_IN_SCRIPTS = {
    r"\.showModal\b": r"wireDialogs\(\)",  # dialogs.js draws them: 15.4
}

# The same, but the script itself asks first whether it is there.
ASKED_FOR_IN_SCRIPTS = {
    r"\bnew SharedWorker\b": r"typeof SharedWorker === \"undefined\"",  # 16
}

TOO_NEW_IN_PAGES = {
    r"\bpopover\b|\bcommandfor\b|<search\b": "popovers, search: 17",
    r"\sinert[\s>]": "inert: 15.5",
    r"<script[^>]*importmap|modulepreload": "import maps: 16.4",
    r"\bstyle=": "refused by the page's own policy",
}
