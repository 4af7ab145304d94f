"""The images of a report page: input, and output and target under a slider."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.evaluation.plots import score_title
from pix2pix_tf.evaluation.report.examples import choose_examples
from pix2pix_tf.evaluation.report.images import LONGEST_SIDE, data_uri, reduced
from pix2pix_tf.evaluation.report.markup import Markup, fill, joined
from pix2pix_tf.evaluation.report.tables import number
from pix2pix_tf.utils.strict_json import strict_json

if TYPE_CHECKING:
    from pix2pix_tf.evaluation.evaluate import Evaluation

_WIDE = 1.4  # width / height from which pictures lie below each other


def example_cards(
    evaluation: Evaluation, advance: Callable[[int], None] = lambda total: None
) -> Markup:
    """The best, median and worst images by each score, every image once.

    Args:
        evaluation: Its items are looked at again.
        advance: Called after each image that is shown with the number of them.
    """
    rankings = choose_examples(evaluation.metric_results.per_image, evaluation.images)
    lists = (members for groups in rankings.values() for members in groups.values())
    shown = list(dict.fromkeys(chain.from_iterable(lists)))
    cards, smaller = {}, False
    for index in shown:
        cards[index], scaled = _card(evaluation, index)
        smaller = smaller or scaled
        advance(len(shown))
    first = next(iter(rankings.values()))
    groups = joined(
        fill(
            '<div class="group"><h3>$heading</h3><div class="cards" data-group="$heading">$cards'
            "</div></div>",
            heading=heading,
            cards=joined(cards.pop(index) for index in members),
        )
        for heading, members in first.items()
    )
    remark = f"Pictures longer than {LONGEST_SIDE} pixels are shown scaled down to that. " * smaller
    return fill(
        _EXAMPLES,
        options=joined(
            fill('<option value="$name">$title</option>', name=name, title=score_title(name))
            for name in rankings
        ),
        choice=Markup("" if "" not in rankings else "hidden"),
        rankings=_json(rankings),
        groups=groups,
        others=joined(cards.values()),
        remark=remark,
    )


def _card(evaluation: Evaluation, index: int) -> tuple[Markup, bool]:
    """The pictures and scores of one image, and whether pictures were scaled down."""
    item, source = evaluation.items[index], evaluation.items.source(index)
    pictures = {"output": item.output, "target": item.target}
    if source is not None:
        pictures["input"] = source
    figures = {kind: _figure(kind, image, item.name) for kind, image in pictures.items()}
    height, width = item.output.shape[:2]
    card = fill(
        _CARD,
        index=index,
        shape="wide" if width > _WIDE * height else "",
        input=figures.get("input", Markup("")),
        output=figures["output"],
        target=figures["target"],
        name=item.name,
        scores=joined(
            fill(
                '<span data-score="$name">$title $value</span>',
                name=name,
                title=score_title(name),
                value=number(values[index]),
            )
            for name, values in evaluation.metric_results.per_image.items()
        ),
    )
    return card, any(max(image.shape[:2]) > LONGEST_SIDE for image in pictures.values())


def _figure(kind: str, image: np.ndarray, name: str) -> Markup:
    shown = reduced(image)
    return fill(
        '<figure class="$kind"><img src="$address" width="$width" height="$height" '
        'alt="$kind of $name" draggable="false"><figcaption>$kind</figcaption></figure>',
        kind=kind,
        address=data_uri(shown),
        width=shown.shape[1],
        height=shown.shape[0],
        name=name,
    )


def _json(value: object) -> Markup:
    """Data for the page's script; a name cannot end the element that holds it."""
    return Markup(strict_json(value, indent=None).replace("<", "\\u003c"))


_EXAMPLES = """
<h2>Images</h2>
<div class="controls scripted">
  <label $choice>Best, median and worst by
    <select id="ranking">$options</select></label>
  <fieldset><legend>Output and target</legend>
    <label><input type="radio" name="view" value="slider" checked> one over the other</label>
    <label><input type="radio" name="view" value="sides"> side by side</label>
  </fieldset>
</div>
<script type="application/json" id="rankings">$rankings</script>
<div class="groups">
$groups
</div>
<div id="others" hidden>
$others
</div>
<p class="remark">${remark}Pictures are lossless WebP or, where that is smaller, JPEG of
quality 90.</p>"""

_CARD = """
<article class="card $shape" data-image="$index">
  <div class="pictures">
    $input
    <div class="comparison">
      $output
      $target
      <input type="range" min="0" max="100" value="50" aria-label="Output to target: $name">
    </div>
  </div>
  <h4>$name</h4>
  <p class="values">$scores</p>
</article>"""
