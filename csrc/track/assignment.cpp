#include "track/assignment.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace vision::track {

namespace {
constexpr float NO_EDGE = std::numeric_limits<float>::infinity();
constexpr double FAR = std::numeric_limits<double>::infinity();
}  // namespace

int Assignment::find(int node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
}

void Assignment::solve(const std::vector<Edge>& all, int n_rows, int n_cols, float alone_cost,
                       std::vector<int>& col_of_row) {
    col_of_row.assign(n_rows, -1);
    take_lone_edges(all, n_rows, n_cols, alone_cost, col_of_row);
    std::vector<Edge>& edges = shared_;
    if (edges.empty()) return;

    parent_.resize(n_rows + n_cols);
    for (int i = 0; i < n_rows + n_cols; ++i) parent_[i] = i;
    for (const Edge& e : edges) parent_[find(e.row)] = find(n_rows + e.col);
    for (const Edge& e : edges) parent_[e.row] = find(e.row);
    std::sort(edges.begin(), edges.end(), [this](const Edge& a, const Edge& b) {
        const int x = parent_[a.row], y = parent_[b.row];
        return x != y ? x < y : a.row != b.row ? a.row < b.row : a.col < b.col;
    });

    local_.assign(n_cols, -1);
    for (std::size_t begin = 0, end; begin < edges.size(); begin = end) {
        const int root = parent_[edges[begin].row];
        for (end = begin + 1; end < edges.size() && parent_[edges[end].row] == root;) ++end;
        rows_.clear();
        cols_.clear();
        for (std::size_t i = begin; i < end; ++i) {
            const Edge& e = edges[i];
            if (rows_.empty() || rows_.back() != e.row) rows_.push_back(e.row);
            if (local_[e.col] < 0) {
                local_[e.col] = static_cast<int>(cols_.size());
                cols_.push_back(e.col);
            }
        }
        const std::size_t n = rows_.size(), m = cols_.size();
        cost_.assign(n * m, NO_EDGE);
        std::size_t r = 0;
        for (std::size_t i = begin; i < end; ++i) {
            if (rows_[r] != edges[i].row) ++r;
            cost_[r * m + local_[edges[i].col]] = edges[i].cost;
        }
        solve_dense(static_cast<int>(n), static_cast<int>(m), alone_cost);
        for (std::size_t i = 0; i < n; ++i) {
            if (chosen_[i] >= 0) col_of_row[rows_[i]] = cols_[chosen_[i]];
        }
    }
}

// Most edges are the only one of their row and of their column and are chosen without further ado; the others
// that may be chosen at all go to shared_.
void Assignment::take_lone_edges(const std::vector<Edge>& edges, int n_rows, int n_cols, float alone_cost,
                                 std::vector<int>& col_of_row) {
    n_of_.assign(n_rows + n_cols, 0);  // edges of each row, then of each column
    int *n_of_row = n_of_.data(), *n_of_col = n_of_row + n_rows;
    shared_.clear();
    for (const Edge& e : edges) {
        if (!(e.cost <= alone_cost)) continue;
        ++n_of_row[e.row];
        ++n_of_col[e.col];
    }
    for (const Edge& e : edges) {
        if (!(e.cost <= alone_cost)) continue;
        if (n_of_row[e.row] == 1 && n_of_col[e.col] == 1) {
            col_of_row[e.row] = e.col;
        } else {
            shared_.push_back(e);
        }
    }
}

// Adds one row after another along the cheapest path that ends at a free column, or at a row on the path that
// then stays alone. A row once alone stays so (only its own stand-in column leads back to it), so the
// stand-in columns need no storage.
void Assignment::solve_dense(int n_rows, int n_cols, double alone_cost) {
    row_price_.assign(n_rows, 0);
    col_price_.assign(n_cols, 0);
    row_of_col_.assign(n_cols, -1);
    chosen_.assign(n_rows, -1);
    for (int start = 0; start < n_rows; ++start) {
        distance_.assign(n_cols, FAR);
        came_from_.assign(n_cols, -1);  // the row from which the column was reached
        done_.assign(n_cols, 0);
        int row = start, end_col = -1, alone_row = -1;
        double row_distance = 0, best_alone = FAR, length = 0;
        while (true) {
            const double alone = row_distance + alone_cost - row_price_[row];
            if (alone < best_alone) {
                best_alone = alone;
                alone_row = row;
            }
            int next = -1;
            double shortest = FAR;
            for (int col = 0; col < n_cols; ++col) {
                if (done_[col]) continue;
                const double d = row_distance + cost_[static_cast<std::size_t>(row) * n_cols + col] -
                                 row_price_[row] - col_price_[col];
                if (d < distance_[col]) {
                    distance_[col] = d;
                    came_from_[col] = row;
                }
                if (distance_[col] < shortest) {
                    shortest = distance_[col];
                    next = col;
                }
            }
            if (next < 0 || best_alone <= shortest) {
                length = best_alone;
                break;
            }
            if (row_of_col_[next] < 0) {
                end_col = next;
                length = shortest;
                break;
            }
            done_[next] = 1;
            row = row_of_col_[next];
            row_distance = shortest;
        }
        row_price_[start] += length;
        for (int col = 0; col < n_cols; ++col) {
            if (!done_[col]) continue;
            row_price_[row_of_col_[col]] += length - distance_[col];
            col_price_[col] -= length - distance_[col];
        }
        int col = end_col;
        if (end_col < 0) {  // alone_row gives up its column, which the path then passes back to `start`
            if (alone_row == start) continue;
            col = chosen_[alone_row];
            chosen_[alone_row] = -1;
        }
        while (true) {
            const int giver = came_from_[col];
            const int freed = chosen_[giver];
            chosen_[giver] = col;
            row_of_col_[col] = giver;
            if (giver == start) break;
            col = freed;
        }
    }
}

}  // namespace vision::track
