// Cheapest assignment of columns to rows when every row may also stay alone at a fixed price.
#pragma once

#include <vector>

#include "track/box.hpp"

namespace vision::track {

// Minimises sum(cost of chosen edges) + alone_cost * (rows without a column); exact, not greedy.
// Splits the graph of edges into connected components first: in traffic they are 1..5 wide, so that the
// cubic step stays tiny. Buffers are kept between calls. Source: shortest augmenting paths with potentials,
// Jonker and Volgenant, Computing 38 (1987).
class Assignment {
  public:
    // edges: each (row, col) at most once, 0 <= row < n_rows, 0 <= col < n_cols. An edge dearer
    // than alone_cost is never chosen. col_of_row gets one column or -1 per row.
    void solve(const std::vector<Edge>& edges, int n_rows, int n_cols, float alone_cost,
               std::vector<int>& col_of_row);

  private:
    std::vector<int> n_of_, parent_, local_, rows_, cols_;
    std::vector<Edge> shared_;  // edges of rows or columns that have several
    std::vector<float> cost_;   // dense costs of one component, rows x cols
    std::vector<double> row_price_, col_price_, distance_;
    std::vector<int> row_of_col_, came_from_, chosen_;
    std::vector<char> done_;

    int find(int node);
    void take_lone_edges(const std::vector<Edge>& edges, int n_rows, int n_cols, float alone_cost,
                         std::vector<int>& col_of_row);
    void solve_dense(int n_rows, int n_cols, double alone_cost);
};

}  // namespace vision::track
