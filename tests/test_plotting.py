"""Pictures: what is drawn, how large, under which names, and that pyplot is left alone."""

import numpy as np
import pytest

import opad
from opad.blocks.layout import layered_layout
from opad.errors import CyclicSystemError
from opad.plotting import graph, spy

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def linearization():
    W = np.arange(12.0).reshape(3, 4) / 10
    return opad.linearize(lambda W, X: np.sum(np.tanh(W @ X)), W, np.ones((4, 2)))


@pytest.fixture(autouse=True)
def pyplot_stays_empty():
    import matplotlib.pyplot as plt

    yield
    assert plt.get_fignums() == []


def rectangles(ax):
    """{kind: array of (x, y, width, height)} of the blocks drawn."""
    found = {}
    for collection in ax.collections:
        if (collection.get_gid() or "").startswith("blocks "):
            boxes = [path.get_extents() for path in collection.get_paths()]
            found[collection.get_gid()[7:]] = np.array([[*box.p0, box.width, box.height] for box in boxes])
    return found


def texts(ax, gid):
    return [text.get_text().replace("\n", " ") for text in ax.texts if text.get_gid() == gid]


def test_spy_draws_every_block_of_both_sides(linearization):
    L, D = linearization.system
    drawn = rectangles(spy(linearization))
    assert sum(map(len, drawn.values())) == (opad.I - L).nnz + D.nnz
    assert len(drawn["identity"]) == L.shape[0]
    assert {"LeftMultiply", "RightMultiply", "Hadamard"} <= set(drawn)


def test_spy_of_a_pair_and_of_a_matrix(linearization):
    L, D = linearization.system
    assert sum(map(len, rectangles(spy((L, D))).values())) == (opad.I - L).nnz + D.nnz
    assert sum(map(len, rectangles(spy(D)).values())) == D.nnz


def test_sizes_are_to_scale(linearization):
    drawn = rectangles(spy(linearization))
    assert np.allclose(drawn["RightMultiply"][0, 2:], (12, 6))  # dW has 12 elements, W X has 6
    assert np.allclose(drawn["LeftMultiply"][0, 2:], (8, 6))
    assert np.allclose(sorted(drawn["identity"][:, 2]), (1, 6, 6))


@pytest.mark.parametrize("scale, size", [("log", 1 + np.log2(6)), ("equal", 1)])
def test_other_scales(linearization, scale, size):
    assert np.isclose(rectangles(spy(linearization, scale=scale))["Hadamard"][0, 3], size)


def test_unknown_scale_is_refused(linearization):
    with pytest.raises(ValueError, match="expected one of"):
        spy(linearization, scale="cubic")


def test_labels_legend_and_names(linearization):
    ax = spy(linearization)
    assert set(texts(ax, "block label")) <= {"identity", "Left Multiply", "Right Multiply", *rectangles(ax)}
    assert "Hadamard" in texts(ax, "block label")
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(legend) == sorted(rectangles(ax))
    assert [label.get_text() for label in ax.get_yticklabels()][:2] == ["x1 matmul", "x2 tanh"]
    bare = spy(linearization, labels=False, legend=False)
    assert texts(bare, "block label") == [] and bare.get_legend() is None


def test_labels_only_where_there_is_room():
    L = opad.BlockMatrix({(k + 1, k): 2.0 for k in range(99)}, (100, 100))
    ax = spy(opad.I - L)
    assert texts(ax, "block label") == []
    assert len(rectangles(ax)["number"]) == 99


@pytest.mark.parametrize("draw", [spy, graph])
def test_given_axes_are_used_and_returned(linearization, draw):
    ax = matplotlib.figure.Figure().subplots()
    assert draw(linearization, ax) is ax
    assert isinstance(draw(linearization), matplotlib.axes.Axes)


def test_pictures_can_be_written(linearization, tmp_path):
    for draw in (spy, graph):
        for kind in ("png", "svg"):
            draw(linearization).figure.savefig(tmp_path / f"{draw.__name__}.{kind}")
            assert (tmp_path / f"{draw.__name__}.{kind}").stat().st_size > 1000


def test_graph_has_a_node_per_variable_and_an_edge_per_block(linearization):
    L, D = linearization.system
    ax = graph(linearization)
    assert texts(ax, "node") == ["W", "X", "x1 matmul", "x2 tanh", "x3 sum"]
    assert sum(patch.get_gid() == "edge" for patch in ax.patches) == L.nnz + D.nnz
    assert {"RightMultiply", "LeftMultiply", "Hadamard"} <= set(texts(ax, "edge label"))
    assert texts(graph(linearization, labels=False), "edge label") == []


def test_graph_of_a_matrix_ignores_the_diagonal():
    L = opad.BlockMatrix({(2, 0): 2.0, (2, 1): 3.0, (3, 2): 5.0, (4, 3): 7.0}, (5, 5))
    for system in (L, opad.I - L):
        ax = graph(system)
        assert sum(patch.get_gid() == "edge" for patch in ax.patches) == 4
        assert texts(ax, "node") == ["x1", "x2", "x3", "x4", "x5"]


def test_graph_refuses_a_circle_and_names_it():
    A = opad.BlockMatrix({(0, 1): 2.0, (1, 0): 3.0}, (2, 2), row_names=["u", "v"], column_names=["u", "v"])
    with pytest.raises(CyclicSystemError, match=r"u -> v|v -> u"):
        graph(A)


@pytest.mark.parametrize("draw", [spy, graph])
def test_other_things_are_refused(draw):
    with pytest.raises(TypeError, match="expected a BlockMatrix"):
        draw(np.eye(2))


def test_layout_puts_nodes_in_layers_without_overlap():
    edges = [("a", "c"), ("b", "c"), ("c", "d"), ("a", "e"), ("d", "e"), ("b", "e")]
    positions, routes = layered_layout("abcde", edges)
    assert all(positions[start][0] < positions[end][0] for start, end in edges)
    assert len({tuple(np.round(p, 6)) for p in positions.values()}) == 5
    for (start, end), route in routes.items():
        assert route[0] == positions[start] and route[-1] == positions[end]
        assert [x for x, _ in route] == list(range(int(route[0][0]), int(route[-1][0]) + 1))


def test_notebook_display_shows_both_sides_with_one_legend(linearization):
    from xml.etree import ElementTree

    L, D = linearization.system
    page = linearization._repr_html_().replace("&times;", "x").replace("<br>", "<br/>")
    page = page.replace("&#9632;", "#")
    squares = [element for element in ElementTree.fromstring(page).iter() if element.tag == "rect"]
    assert len(squares) == (opad.I - L).nnz + D.nnz
    assert page.count("LeftMultiply</title>") == 1
    assert page.index("I - L:") < page.index("D:")
    assert "BlockMatrix:" in L._repr_html_()
