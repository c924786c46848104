// All of s3pager's public face in one include. Holds nothing of its own.
#pragma once

#include "s3pager/base/error.hpp"
#include "s3pager/coro/generator.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/coro/when_all.hpp"
#include "s3pager/coro/when_any.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/pager/page.hpp"
#include "s3pager/pager/stream.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/runtime/blocking.hpp"
#include "s3pager/runtime/run.hpp"
#include "s3pager/runtime/run_per_core.hpp"
#include "s3pager/s3/observer.hpp"
#include "s3pager/version.hpp"
