// libpq, loaded when it is first asked for. It brings along a dozen libraries
// (Kerberos, LDAP, TLS), which would make every start of the program take 4 ms
// and 5 MB more, and only the bench ever wants it.
#pragma once

#include "messages/errors.hpp"

#include <libpq-fe.h>

namespace dbproxy {

/// The functions of libpq that are used here, under their own names.
struct libpq {
  decltype(&::PQconnectdb) PQconnectdb;
  decltype(&::PQfinish) PQfinish;
  decltype(&::PQstatus) PQstatus;
  decltype(&::PQerrorMessage) PQerrorMessage;
  decltype(&::PQexec) PQexec;
  decltype(&::PQprepare) PQprepare;
  decltype(&::PQexecPrepared) PQexecPrepared;
  decltype(&::PQresultStatus) PQresultStatus;
  decltype(&::PQresultErrorField) PQresultErrorField;
  decltype(&::PQntuples) PQntuples;
  decltype(&::PQgetvalue) PQgetvalue;
  decltype(&::PQclear) PQclear;
  decltype(&::PQparameterStatus) PQparameterStatus;
  decltype(&::PQbackendPID) PQbackendPID;
};

/// Any thread. UNREACHABLE, naming the package, where it is not installed.
result<const libpq*> load_libpq();

} // namespace dbproxy
