// Catch2 in either generation: 2.13 (Debian 12) and 3.x (Debian 13, Ubuntu 24.04) differ in their header's name.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
