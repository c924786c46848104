// The whole library in one include. Holds nothing of its own.
#pragma once

#include "s3pager/base/error.hpp"
#include "s3pager/version.hpp"
